"""A NIfTI file without text: header fields blanked, extensions cut, compressed without a clock."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

from deidflow.errors import Withheld
from deidflow.verdicts import Reason

_HEADER, _EXTENSION = 348, 352
_TEXT_FIELDS = ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16))
"""Offset and length of data_type, db_name, descrip, aux_file and intent_name (NIfTI-1)."""
_BLOCK = 1 << 20


def scrub_nifti(source: Path, target: Path) -> None:
    """Copy a NIfTI-1 file to .nii.gz with blank text fields and no extension; the voxels stay as they are."""
    with source.open("rb") as stream:
        header = bytearray(stream.read(_HEADER))
        if len(header) < _HEADER or struct.unpack_from("<i", header)[0] != _HEADER:
            raise Withheld(Reason.CONVERT_FAILED, "not a NIfTI-1 file")
        for offset, length in _TEXT_FIELDS:
            header[offset : offset + length] = bytes(length)
        stream.seek(int(struct.unpack_from("<f", header, 108)[0]))
        struct.pack_into("<f", header, 108, float(_EXTENSION))
        with target.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            packed.write(bytes(header) + bytes(_EXTENSION - _HEADER))
            while block := stream.read(_BLOCK):
                packed.write(block)
