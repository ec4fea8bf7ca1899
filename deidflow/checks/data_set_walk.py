"""A walk over the bytes of a data set: each byte is structure, a value, or a stored pixel."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from functools import partial

from deidflow.checks.elements import (
    LONG_VRS,
    SHORT_VRS,
    Element,
    Level,
    NotReadable,
    Pixels,
    implicit_vr,
    is_creator,
)

PIXEL_DATA = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_UNDEFINED = 0xFFFFFFFF
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_ITEM_HEADER = 8
_CHARSET = 0x00080005
_PRIVATE = 0x10000
"""A bit of every private tag."""
_DEEPEST = 64
Header = tuple[int, bytes, int, int]
"""Tag, VR, start of the value, and length."""
_element = partial(tuple.__new__, Element)
"""An element of its four parts, without the cost of a constructor."""


def explicit_length(body: bytes, position: int, vr: bytes, order: str) -> tuple[int, int]:
    """Where the value of an element of Explicit VR starts, and its length."""
    if vr in LONG_VRS:
        start = position + 12
        (length,) = struct.unpack_from(
            f"{order}I",
            body,
            position + 8,
        )
    elif vr in SHORT_VRS:
        start = position + 8
        (length,) = struct.unpack_from(
            f"{order}H",
            body,
            position + 6,
        )
    else:
        raise NotReadable

    return start, length


def _note(tag: int, raw: bytes, level: Level) -> None:
    """Keep what names and decodes later elements of a data set."""
    if tag == _CHARSET:
        level.charset = raw
    elif is_creator(tag):
        creator = raw.strip(b"\0 ")
        level.creators[tag] = creator.decode("latin-1")


class DataSetWalk:
    """Walks one data set and notes where its pixels are.

    Every method raises NotReadable, struct.error or IndexError for bytes that are no data set.
    """

    def __init__(self, body: bytes, *, big_endian: bool) -> None:
        self.pixels: Pixels | None = None
        """Known once the walk has passed them."""
        self._body = body
        order = ">" if big_endian else "<"
        self._order = order
        self._tag = struct.Struct(f"{order}HH")
        self._length = struct.Struct(f"{order}I")
        self._short = struct.Struct(f"{order}HH2sH").unpack_from

    def values(self, start: int, *, explicit: bool) -> Iterator[Element]:
        """Every value from `start` to the end of the body, depth first."""
        root = Level()
        end = len(self._body)
        return self._level(start, end, root, explicit)

    def part(self, position: int, level: Level, *, explicit: bool) -> tuple[list[Element], int]:
        """The values of one element of the root, those in its items too, and where it ends."""
        header = self._explicit_header if explicit else self._implicit_header
        tag, vr, start, length = header(position)
        if tag in PIXEL_DATA:
            return [], self._pass_pixels(start, length)

        end = start + length
        if length == _UNDEFINED:
            end = self._sequence_end(start, explicit and vr == b"SQ")
        values = self._level(position, end, level, explicit)
        return list(values), end

    def _level(self, position: int, end: int, level: Level, explicit: bool) -> Iterator[Element]:
        """The values of a data set that fills the body from `position` to `end`."""
        body = self._body
        header = self._explicit_header if explicit else self._implicit_header
        while position < end:
            tag, vr, start, length = header(position)
            if tag in PIXEL_DATA and level.depth == 0:
                position = self._pass_pixels(start, length)
            elif vr == b"SQ" or length == _UNDEFINED:
                position = yield from self._items(
                    start,
                    length,
                    level,
                    explicit and vr == b"SQ",
                )
            else:
                position = start + length
                if position > len(body):
                    raise NotReadable
                raw = body[start:position]
                if tag == _CHARSET or tag & _PRIVATE:
                    _note(tag, raw, level)
                yield _element((tag, vr, raw, level))

        if position != end:
            raise NotReadable

    def _tag_at(self, position: int) -> int:
        group, number = self._tag.unpack_from(
            self._body,
            position,
        )
        tag: int = group << 16 | number
        return tag

    def _length_at(self, position: int) -> int:
        length: int
        (length,) = self._length.unpack_from(
            self._body,
            position,
        )
        return length

    def _explicit_header(self, position: int) -> Header:
        body = self._body
        group, number, vr, length = self._short(body, position)
        tag = group << 16 | number
        if vr in SHORT_VRS:
            return tag, vr, position + 8, length
        start, length = explicit_length(body, position, vr, self._order)
        return tag, vr, start, length

    def _implicit_header(self, position: int) -> Header:
        tag = self._tag_at(position)
        return tag, implicit_vr(tag), position + 8, self._length_at(position + 4)

    def _items(
        self, position: int, length: int, parent: Level, explicit: bool
    ) -> Generator[Element, None, int]:
        """The values in the items of a sequence; returns where the sequence ends."""
        depth = parent.depth + 1
        if depth > _DEEPEST:
            raise NotReadable
        end = position + length
        if length == _UNDEFINED:
            end = len(self._body)

        while position < end:
            tag = self._tag_at(position)
            size = self._length_at(position + 4)
            position += _ITEM_HEADER
            if tag == _SEQUENCE_END:
                return position
            if tag != _ITEM:
                raise NotReadable

            level = Level(parent.charset, depth)
            stop, after = self._item_ends(position, size, explicit)
            yield from self._level(
                position,
                stop,
                level,
                explicit,
            )
            position = after
        return position

    def _item_ends(self, position: int, size: int, explicit: bool) -> tuple[int, int]:
        """Where an item ends without and with its delimiter."""
        if size == _UNDEFINED:
            stop = self._item_end(position, explicit)
            return stop, stop + _ITEM_HEADER
        stop = position + size
        return stop, stop

    def _item_end(self, position: int, explicit: bool) -> int:
        """Where an item of undefined length ends, before its delimiter."""
        while True:
            tag = self._tag_at(position)
            if tag == _ITEM_END:
                return position

            header = self._explicit_header if explicit else self._implicit_header
            _, vr, start, length = header(position)
            position = start + length
            if length == _UNDEFINED:
                inner = explicit and vr == b"SQ"
                position = self._sequence_end(start, inner)

    def _sequence_end(self, position: int, explicit: bool) -> int:
        """The position after the delimiter of a sequence of undefined length."""
        while True:
            tag = self._tag_at(position)
            if tag == _SEQUENCE_END:
                return position + _ITEM_HEADER
            if tag != _ITEM:
                raise NotReadable

            size = self._length_at(position + 4)
            position += _ITEM_HEADER
            if size == _UNDEFINED:
                item_end = self._item_end(position, explicit)
                position = item_end + _ITEM_HEADER
            else:
                position += size

    def _pass_pixels(self, start: int, length: int) -> int:
        """Note where the pixels are; returns the position after them."""
        encapsulated = length == _UNDEFINED
        end = start + length
        if encapsulated:
            end = self._sequence_end(start, explicit=False)
        if end > len(self._body):
            raise NotReadable
        self.pixels = Pixels(start, end, encapsulated)
        return end
