"""Zip files with names in another encoding than they say: the names are not needed."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

_ENTRY = struct.Struct("<4s4B4H3L5H2L")
"""The fixed part of an entry in the table of contents (APPNOTE 4.3.12)."""
_MARK = b"PK\x01\x02"
_FLAGS = 9
_MEMBER_FLAGS = 7
"""Where the byte with the flag is in an entry, and in the header before a member."""
_IS_UTF8 = 0x08
"""In the second byte of the flags (APPNOTE 4.4.4)."""


@dataclass(frozen=True)
class Directory:
    """Where the table of contents of a zip file is."""

    start: int
    size: int


class PlainNames:
    """A zip file whose names that are not the UTF-8 that they claim to be claim it no more."""

    def __init__(self, stream: IO[bytes], directory: Directory) -> None:
        self._stream = stream
        stream.seek(directory.start)
        table = stream.read(directory.size)
        self._places = sorted(_wrong_flags(table, directory.start))
        stream.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, without the flag where it is wrong."""
        start = self._stream.tell()
        read = self._stream.read(size)
        end = start + len(read)

        content = bytearray(read)
        first = bisect_left(self._places, start)
        last = bisect_left(self._places, end)
        for place in self._places[first:last]:
            content[place - start] &= ~_IS_UTF8
        return bytes(content)

    def seek(self, place: int, whence: int = 0) -> int:
        """As of the stream."""
        return self._stream.seek(place, whence)

    def tell(self) -> int:
        """As of the stream."""
        return self._stream.tell()

    def seekable(self) -> bool:
        """As of the stream."""
        return True


def _wrong_flags(table: bytes, start: int) -> Iterator[int]:
    """Where in the file the flags are of members whose names are not UTF-8 and should be.

    Each stands in the table of contents and before the member. `start` is the place of the table.
    """
    place = 0
    while place + _ENTRY.size <= len(table):
        fields = _ENTRY.unpack_from(table, place)
        if fields[0] != _MARK:
            return
        name_size, extra_size, comment_size = fields[12:15]
        member = fields[18]
        name_start = place + _ENTRY.size
        name_end = name_start + name_size
        name = table[name_start:name_end]

        flags = place + _FLAGS
        claims_utf8 = table[flags] & _IS_UTF8
        if claims_utf8 and not _is_utf8(name):
            yield start + flags
            yield member + _MEMBER_FLAGS
        place = name_end + extra_size + comment_size


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
