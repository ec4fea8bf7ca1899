"""Text in compressed pixels: comments, application segments, bytes after the end of a codestream.

What is entropy-coded needs no search: it is decoded and compared with the source, pixel by pixel.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_HEADER = 8

_JPEG = b"\xff\xd8"
_PREFIX = b"\xff"
_FILL = 0xFF
_FIRST_MARKER = 0xC0
_JPEG_COMMENT = 0xFE
_JPEG_END = 0xD9
_APPLICATION = range(0xE0, 0xF0)
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))

_J2K = b"\xff\x4f\xff\x51"
_J2K_COMMENT = 0x64
_J2K_TILE = 0x90
_J2K_END = b"\xff\xd9"


def texts_in(stored: bytes) -> Iterator[bytes]:
    """Parts of encapsulated pixel data (PS3.5 A.4) that may hold text."""
    fragments = _fragments(stored)
    stream = b"".join(fragments)
    if stream.startswith(_J2K):
        yield from _in_j2k(stream)
    elif stream.startswith(_JPEG):
        yield from _in_jpeg(stream)


def _fragments(stored: bytes) -> Iterator[bytes]:
    """The fragments after the basic offset table."""
    position = 0
    is_offset_table = True
    while stored[position : position + 4] == _ITEM:
        (length,) = struct.unpack_from(
            "<I",
            stored,
            position + 4,
        )
        start = position + _ITEM_HEADER
        position = start + length
        if not is_offset_table:
            yield stored[start:position]
        is_offset_table = False


def _in_jpeg(stream: bytes) -> Iterator[bytes]:
    """Text of JPEG and JPEG-LS (ISO 10918-1 annex B).

    Comments, application segments, and what is between images.
    """
    position = 0
    while position < len(stream):
        start = stream.find(_PREFIX, position)
        if start < 0:
            yield stream[position:]
            return

        marker = _marker_at(stream, start)
        if _is_no_segment(marker):
            # A fill byte may itself start the next marker.
            position = start + 1 if marker == _FILL else start + 2
        elif marker == _JPEG_END:
            end = start + 2
            position = _next_image(stream, end, _JPEG)
            yield stream[end:position]
        else:
            position = _segment_end(stream, start)
            text = stream[start + 4 : position]
            if marker == _JPEG_COMMENT or marker in _APPLICATION:
                yield text


def _marker_at(stream: bytes, start: int) -> int:
    if start + 1 < len(stream):
        return stream[start + 1]
    return 0


def _is_no_segment(marker: int) -> bool:
    """Whether a marker has no length: stuffed zeros, fill bytes, restart markers."""
    if marker == _FILL or marker < _FIRST_MARKER:
        return True
    return marker in _WITHOUT_LENGTH


def _next_image(stream: bytes, position: int, start_mark: bytes) -> int:
    start = stream.find(start_mark, position)
    if start < 0:
        return len(stream)
    return start


def _segment_end(stream: bytes, start: int) -> int:
    """The end of the segment whose marker is at `start`; its length counts from itself."""
    position = start + 2
    size = stream[position : position + 2]
    length = int.from_bytes(size, "big")
    return position + length


def _in_j2k(stream: bytes) -> Iterator[bytes]:
    """Comments of JPEG 2000 (ISO 15444-1 annex A), and what follows the end of a codestream."""
    position = 2
    while position + 4 <= len(stream):
        marker = stream[position + 1]
        segment_end = _segment_end(stream, position)
        if marker == _J2K_COMMENT:
            start = position + 4
            yield stream[start:segment_end]

        if marker == _J2K_TILE:
            position = _tile_end(stream, position)
        elif stream.startswith(_J2K_END, position):
            start = position + 2
            end = _next_image(
                stream,
                position,
                _J2K,
            )
            yield stream[start:end]
            position = end + 2
        else:
            position = segment_end


def _tile_end(stream: bytes, position: int) -> int:
    """The end of the tile part whose marker is at `position`; length 0 reaches to the end."""
    (length,) = struct.unpack_from(
        ">I",
        stream,
        position + 6,
    )
    if not length:
        return len(stream)
    return position + int(length)
