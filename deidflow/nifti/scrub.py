"""A NIfTI file without text: header fields blanked, extensions cut, compressed without a clock."""

from __future__ import annotations

from pathlib import Path

from nibabel.nifti1 import Nifti1Header

from deidflow.errors import Withheld
from deidflow.nifti.header import HEADER_BYTES, read_header
from deidflow.store.gzipped import Packing, packed
from deidflow.verdicts import Reason

_NO_EXTENSION = bytes(4)
"""Follows the header; the voxels follow it."""
_TEXT_FIELDS = ("data_type", "db_name", "descrip", "aux_file", "intent_name")


def scrub_nifti(source: Path, target: Path, packing: Packing = Packing.RELEASED) -> None:
    """Copy a NIfTI-1 file to .nii.gz with blank text fields and no extension.

    The voxels stay as they are. Raises Withheld for another kind of file.
    """
    with source.open("rb") as stream:
        header = read_header(stream)
        if header is None or header["sizeof_hdr"] != HEADER_BYTES:
            raise Withheld(
                Reason.CONVERT_FAILED,
                "not a NIfTI-1 file",
            )

        first_voxel = int(header["vox_offset"])
        stream.seek(first_voxel)
        _blank(header)
        content = header.binaryblock + _NO_EXTENSION + stream.read()
    target.write_bytes(packed(content, packing))


def _blank(header: Nifti1Header) -> None:
    """Empty the text of a header, and let the voxels follow it without extensions."""
    for name in _TEXT_FIELDS:
        header[name] = b""
    header["vox_offset"] = HEADER_BYTES + len(_NO_EXTENSION)
