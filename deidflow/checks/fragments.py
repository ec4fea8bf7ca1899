"""Text in compressed pixels: comments, application segments, and bytes behind the end of a codestream.

What is entropy-coded needs no search: it is decoded and compared with the source, pixel by pixel.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ITEM = b"\xfe\xff\x00\xe0"
_JPEG, _J2K = b"\xff\xd8", b"\xff\x4f\xff\x51"
_COMMENT, _J2K_COMMENT = 0xFE, 0x64
_START_OF_SCAN, _END = 0xDA, 0xD9
_J2K_TILE, _J2K_END = 0x90, b"\xff\xd9"
_APPLICATION = range(0xE0, 0xF0)
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))


def texts_in(stored: bytes) -> Iterator[bytes]:
    """Parts of encapsulated pixel data (PS3.5 A.4) that may hold text."""
    joined = b"".join(_fragments(stored))
    if joined.startswith(_J2K):
        yield from _in_j2k(joined)
    elif joined.startswith(_JPEG):
        yield from _in_jpeg(joined)


def _fragments(stored: bytes) -> Iterator[bytes]:
    """The fragments behind the basic offset table."""
    position, number = 0, 0
    while stored[position : position + 4] == _ITEM:
        (length,) = struct.unpack_from("<I", stored, position + 4)
        if number:
            yield stored[position + 8 : position + 8 + length]
        position += 8 + length
        number += 1


def _in_jpeg(stream: bytes) -> Iterator[bytes]:
    """Comments and application segments of JPEG and JPEG-LS (ISO 10918-1 annex B), and what is between images."""
    position = 0
    while position < len(stream):
        start = stream.find(b"\xff", position)
        if start < 0:
            yield stream[position:]
            return
        marker = stream[start + 1] if start + 1 < len(stream) else 0
        if marker in _ALONE or marker in (0, 0xFF) or marker < 0xC0:
            position = start + 1 + (marker != 0xFF)
        elif marker == _END:
            position = _next_image(stream, start + 2)
            yield stream[start + 2 : position]
        else:
            length = int.from_bytes(stream[start + 2 : start + 4], "big")
            if marker == _COMMENT or marker in _APPLICATION:
                yield stream[start + 4 : start + 2 + length]
            position = start + 2 + length


def _next_image(stream: bytes, position: int) -> int:
    start = stream.find(_JPEG, position)
    return len(stream) if start < 0 else start


def _in_j2k(stream: bytes) -> Iterator[bytes]:
    """Comments of JPEG 2000 (ISO 15444-1 annex A), and what is behind the end of a codestream."""
    position = 2
    while position + 4 <= len(stream):
        marker = stream[position + 1]
        length = int.from_bytes(stream[position + 2 : position + 4], "big")
        if marker == _J2K_COMMENT:
            yield stream[position + 4 : position + 2 + length]
        if marker == _J2K_TILE:
            (size,) = struct.unpack_from(">I", stream, position + 6)
            position = position + size if size else len(stream)
        elif stream[position : position + 2] == _J2K_END:
            start = stream.find(_J2K, position)
            end = len(stream) if start < 0 else start
            yield stream[position + 2 : end]
            position = end + 2
        else:
            position += 2 + length
