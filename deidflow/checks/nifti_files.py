"""NIfTI-1 files of a release: text in the header, and nothing after the voxels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from deidflow.checks.leaks import Hit, LeakSearch
from deidflow.checks.words import readable

_HEADER_BYTES = 348
_VOXEL_OFFSET = 352
_DIM_OFFSET = 40
_BITPIX_OFFSET = 72
_TEXT_FIELDS = {
    "data_type": slice(4, 14),
    "db_name": slice(14, 32),
    "descrip": slice(148, 228),
    "aux_file": slice(228, 252),
    "intent_name": slice(328, 344),
}
_GZIP_WINDOW = 31
_GZIP_FLAGS = 3
_BLOCK = 1 << 16
"""Packed bytes that are unpacked at once, to 64 MiB at most."""


def hits_in_nifti(packed: bytes, search: LeakSearch) -> Iterator[Hit]:
    """Identifiers in the text fields of a gzipped NIfTI-1 file.

    Raises ValueError where there is more than header and voxels: a name in the gzip header,
    extensions, or bytes after the voxels.
    """
    if packed[_GZIP_FLAGS]:
        raise ValueError("the gzip header holds more than it must")
    header, size = _unpacked(packed)
    expected_size = _VOXEL_OFFSET + _voxel_bytes(header)
    if size != expected_size:
        raise ValueError("the image is not header and voxels alone")
    extension = header[_HEADER_BYTES:_VOXEL_OFFSET]
    if any(extension):
        raise ValueError("the header has an extension")

    for place in _TEXT_FIELDS.values():
        # The zero makes the end of a field readable as UTF-16 too.
        runs = readable(header[place] + b"\0")
        yield from search.binary("header", runs)


def _unpacked(packed: bytes) -> tuple[bytes, int]:
    """The first bytes of a gzip file and its unpacked size.

    Raises ValueError for a tail or a second member.
    """
    stream = zlib.decompressobj(_GZIP_WINDOW)
    header = b""
    size = 0
    for start in range(0, len(packed), _BLOCK):
        if stream.eof:
            raise ValueError("bytes follow the gzip stream")
        block = stream.decompress(packed[start : start + _BLOCK])
        if len(header) < _VOXEL_OFFSET:
            header = (header + block)[:_VOXEL_OFFSET]
        size += len(block)

    if stream.unused_data:
        raise ValueError("bytes follow the gzip stream")
    if not stream.eof:
        raise ValueError("the gzip stream is cut")
    return header, size


def _voxel_bytes(header: bytes) -> int:
    """Bytes of the voxels by dim and bitpix."""
    rank, *lengths = struct.unpack_from(
        "<8h",
        header,
        _DIM_OFFSET,
    )
    (bits,) = struct.unpack_from(
        "<h",
        header,
        _BITPIX_OFFSET,
    )

    voxels = 1
    for length in lengths[:rank]:
        voxels *= max(length, 1)
    return voxels * int(bits) // 8
