"""The header of a NIfTI-1 file as dcm2niix writes it: 348 bytes, little-endian."""

from __future__ import annotations

from typing import BinaryIO

from nibabel.nifti1 import Nifti1Header

HEADER_BYTES = 348
"""Also the first number in the file, by which it is known."""


def read_header(stream: BinaryIO) -> Nifti1Header | None:
    """The header at the start of a file, not checked; None if the file ends within it."""
    block = stream.read(HEADER_BYTES)
    if len(block) < HEADER_BYTES:
        return None
    return Nifti1Header(
        block,
        endianness="<",
        check=False,
    )
