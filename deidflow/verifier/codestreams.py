"""Compressed pixels without the text around them, to be compared without decoding."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ITEM = b"\xfe\xff\x00\xe0"
_J2K, _JPEG = b"\xff\x4f\xff\x51", b"\xff\xd8"
_J2K_COMMENT, _J2K_TILE = 0x64, 0x90
_JPEG_COMMENT, _JPEG_SCAN = 0xFE, 0xDA
_APPLICATION = range(0xE0, 0xF0)


def essence_of(stored: bytes) -> bytes:
    """The joined fragments of encapsulated pixels (PS3.5 A.4), without comments."""
    joined = b"".join(_fragments(stored)).rstrip(b"\0")
    if joined.startswith(_J2K):
        return _without(
            joined,
            {_J2K_COMMENT},
            _J2K_TILE,
        )

    if joined.startswith(_JPEG):
        return _without(
            joined,
            {_JPEG_COMMENT, *_APPLICATION},
            _JPEG_SCAN,
        )

    return joined


def _fragments(stored: bytes) -> Iterator[bytes]:
    """The fragments after the basic offset table."""
    position, number = 0, 0
    while stored[position : position + 4] == _ITEM:
        (length,) = struct.unpack_from(
            "<I",
            stored,
            position + 4,
        )
        start = position + 8
        if number:
            yield stored[start : start + length]
        position = start + length
        number += 1


def _without(stream: bytes, dropped: set[int], last: int) -> bytes:
    """A codestream without the marker segments of these kinds before `last`."""
    pieces = [stream[:2]]
    position = 2
    while position + 4 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker == last:
            break
        end = (
            position
            + 2
            + int.from_bytes(
                stream[position + 2 : position + 4],
                "big",
            )
        )
        if marker not in dropped:
            pieces.append(stream[position:end])
        position = end

    return b"".join((*pieces, stream[position:]))
