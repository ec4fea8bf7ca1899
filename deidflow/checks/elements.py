"""Reads a DICOM file byte by byte: each byte is structure, a value, or a stored pixel (PS3.5 section 7, PS3.10)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from pydicom.datadict import dictionary_VR, keyword_for_tag

PIXEL_DATA = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
IMPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED = frozenset(("1.2.840.10008.1.2.1.99",))
_MARK, _META_START = b"DICM", 132
_UNDEFINED = 0xFFFFFFFF
_LONG = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_SHORT = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(),
)
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_CHARSET = 0x00080005
_DEEPEST = 64


class NotReadable(ValueError):
    """The bytes are not a DICOM data set that this reader understands."""


class Element(NamedTuple):
    """One value that is not a sequence, with what names and decodes it."""

    tag: int
    vr: bytes
    raw: bytes
    level: Level


@dataclass
class Level:
    """A data set: the root, or an item of a sequence."""

    charset: bytes = b""
    depth: int = 0
    creators: dict[int, str] = field(default_factory=dict)
    """Group and block (0x20050010) to private creator."""

    def creator_of(self, tag: int) -> str:
        """The private creator that an element belongs to; empty for a standard element."""
        if not tag >> 16 & 1 or tag & 0xFFFF < 0x1000:
            return ""
        return self.creators.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF, "")


@dataclass(frozen=True)
class Pixels:
    """Where the stored pixels are in the body; `encapsulated` where they are in fragments."""

    start: int
    end: int
    encapsulated: bool


@dataclass
class File:
    """A DICOM file: preamble, file meta elements, and the body with its data set."""

    preamble: bytes
    meta: dict[int, bytes]
    body: bytes
    start: int
    pixels: Pixels | None = None

    @property
    def syntax(self) -> str:
        """The transfer syntax UID."""
        return self.meta.get(0x00020010, b"").rstrip(b"\0 ").decode("ascii", "replace")

    @property
    def stored(self) -> bytes:
        """The bytes of the pixel data, without structure for native pixels."""
        if self.pixels is None:
            return b""
        return self.body[self.pixels.start : self.pixels.end]

    def elements(self) -> Iterator[Element]:
        """Every value, depth first; sets `pixels`. Raises NotReadable, struct.error or IndexError."""
        return _Walk(self).level(self.start, len(self.body), Level(), _explicit(self.syntax))


def open_file(content: bytes) -> File:
    """Split a file into preamble, meta and body; raises NotReadable without the DICM mark."""
    if content[128:_META_START] != _MARK:
        raise NotReadable
    meta, start = _meta(content)
    file = File(content[:128], meta, content, start)
    if file.syntax in DEFLATED:
        file.body = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content[start:])
        file.start = 0
    return file


def name_of(element: Element) -> str:
    """The keyword of a standard attribute; group, creator and low byte of a private one."""
    tag = element.tag
    creator = element.level.creator_of(tag)
    if creator:
        return f"{tag >> 16:04x},{creator},{tag & 0xFF:02x}"
    return str(keyword_for_tag(tag)) or f"{tag >> 16:04x},{tag & 0xFFFF:04x}"


def is_creator(tag: int) -> bool:
    """Whether the element reserves a block of private elements (PS3.5 section 7.8.1)."""
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


def _explicit(syntax: str) -> bool:
    return syntax != IMPLICIT


def _meta(content: bytes) -> tuple[dict[int, bytes], int]:
    """File meta elements, always Explicit VR Little Endian, and where the data set starts."""
    meta: dict[int, bytes] = {}
    position = _META_START
    while content[position : position + 2] == b"\2\0":
        number = int.from_bytes(content[position + 2 : position + 4], "little")
        vr = content[position + 4 : position + 6]
        start, length = _explicit_length(content, position, vr, "<")
        meta[0x00020000 | number] = content[start : start + length]
        position = start + length
    return meta, position


def _explicit_length(body: bytes, position: int, vr: bytes, order: str) -> tuple[int, int]:
    """Where a value of Explicit VR starts, and its length."""
    if vr in _LONG:
        return position + 12, struct.unpack_from(f"{order}I", body, position + 8)[0]
    if vr not in _SHORT:
        raise NotReadable
    return position + 8, struct.unpack_from(f"{order}H", body, position + 6)[0]


@lru_cache(maxsize=8192)
def _dictionary(tag: int) -> bytes:
    """The VR that the data dictionary gives a tag; UN where it has none or several."""
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return b"LO" if is_creator(tag) else b"UN"
    return b"OW" if " or " in vr else vr.encode("ascii")


class _Walk:
    """Walks the data set of one file."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._body = file.body
        self._order = ">" if file.syntax == BIG else "<"
        self._tag = struct.Struct(f"{self._order}HH")
        self._length = struct.Struct(f"{self._order}I")

    def level(self, position: int, end: int, level: Level, explicit: bool) -> Iterator[Element]:
        """The values of a data set that fills the body from `position` to `end`."""
        while position < end:
            tag = self._tag_at(position)
            vr, start, length = self._header(position, tag, explicit)
            if tag in PIXEL_DATA and level.depth == 0:
                position = self._pixels(start, length)
            elif vr == b"SQ" or length == _UNDEFINED:
                inner = explicit and vr == b"SQ"
                position = yield from self._items(start, length, level, inner)
            else:
                position = start + length
                yield from self._value(tag, vr, start, position, level)
        if position != end:
            raise NotReadable

    def _tag_at(self, position: int) -> int:
        group, number = self._tag.unpack_from(self._body, position)
        return int(group) << 16 | int(number)

    def _header(self, position: int, tag: int, explicit: bool) -> tuple[bytes, int, int]:
        if explicit:
            vr = self._body[position + 4 : position + 6]
            return vr, *_explicit_length(self._body, position, vr, self._order)
        return _dictionary(tag), position + 8, self._length.unpack_from(self._body, position + 4)[0]

    def _value(self, tag: int, vr: bytes, start: int, end: int, level: Level) -> Iterator[Element]:
        if end > len(self._body):
            raise NotReadable
        raw = self._body[start:end]
        if tag == _CHARSET:
            level.charset = raw
        if is_creator(tag):
            level.creators[tag] = raw.strip(b"\0 ").decode("latin-1")
        yield Element(tag, vr, raw, level)

    def _items(
        self, position: int, length: int, parent: Level, explicit: bool
    ) -> Generator[Element, None, int]:
        """The values in the items of a sequence; returns where the sequence ends."""
        if parent.depth >= _DEEPEST:
            raise NotReadable
        end = len(self._body) if length == _UNDEFINED else position + length
        while position < end:
            tag = self._tag_at(position)
            size = self._length.unpack_from(self._body, position + 4)[0]
            position += 8
            if tag == _SEQUENCE_END:
                return position
            if tag != _ITEM:
                raise NotReadable
            stop = self._item_end(position, explicit) if size == _UNDEFINED else position + size
            inner = Level(parent.charset, parent.depth + 1)
            yield from self.level(position, stop, inner, explicit)
            position = stop + 8 * (size == _UNDEFINED)
        return position

    def _item_end(self, position: int, explicit: bool) -> int:
        """Where an item of undefined length ends, before its delimiter."""
        while (tag := self._tag_at(position)) != _ITEM_END:
            vr, start, length = self._header(position, tag, explicit)
            if length != _UNDEFINED:
                position = start + length
                continue
            position = self._sequence_end(start, explicit and vr == b"SQ")
        return position

    def _sequence_end(self, position: int, explicit: bool) -> int:
        """Behind the delimiter of a sequence of undefined length."""
        while (tag := self._tag_at(position)) != _SEQUENCE_END:
            if tag != _ITEM:
                raise NotReadable
            size = self._length.unpack_from(self._body, position + 4)[0]
            position += 8
            if size == _UNDEFINED:
                position = self._item_end(position, explicit) + 8
            else:
                position += size
        return position + 8

    def _pixels(self, start: int, length: int) -> int:
        """Note where the pixels are; returns the position behind them."""
        if length != _UNDEFINED:
            if start + length > len(self._body):
                raise NotReadable
            self._file.pixels = Pixels(start, start + length, encapsulated=False)
            return start + length
        end = self._sequence_end(start, explicit=False)
        self._file.pixels = Pixels(start, end, encapsulated=True)
        return end
