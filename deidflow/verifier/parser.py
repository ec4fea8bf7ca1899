"""Elements of a data set read one after the other, depth first (PS3.5 section 7)."""

from __future__ import annotations

import struct
import zlib

from deidflow.checks.elements import LONG_VRS, SHORT_VRS, Element, implicit_vr, is_creator
from deidflow.verifier.instance import (
    BIG_ENDIAN,
    IMPLICIT,
    Instance,
    PixelBytes,
    Place,
    Span,
    own_name,
)

PIXEL_DATA = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_CHARSET = 0x00080005
_UNDEFINED = 0xFFFFFFFF
_ITEM_HEAD = 8
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEEPEST = 64
READ_ERRORS = (struct.error, IndexError, zlib.error)


class Parser:
    """Reads a data set into the lists of its file; one of READ_ERRORS says that it breaks off."""

    def __init__(self, instance: Instance) -> None:
        self.explicit = instance.syntax != IMPLICIT
        order = ">" if instance.syntax == BIG_ENDIAN else "<"
        self.instance = instance
        self.body = instance.body
        self.tag_at = struct.Struct(f"{order}HH").unpack_from
        self.long_at = struct.Struct(f"{order}I").unpack_from
        self.short_at = struct.Struct(f"{order}H").unpack_from

    def data_set(self, position: int, end: int, place: Place, explicit: bool) -> int:
        """Read a data set up to `end` or an item delimiter; returns where reading stopped."""
        elements = self.instance.elements
        before = -1
        while position < end:
            tag = self.tag(position)
            if tag == _ITEM_END:
                return position
            if tag <= before:
                self.problem(
                    tag,
                    place,
                    "stands out of order or twice",
                )
            before = tag

            start, first = position, len(elements)
            position = self.element(
                position,
                end,
                tag,
                place,
                explicit,
            )
            if place.depth == 0:
                span = Span(
                    tag,
                    start,
                    position,
                    first,
                    len(elements),
                )
                self.instance.spans.append(span)
        return position

    def tag(self, position: int) -> int:
        """The tag of the element that starts here."""
        group, number = self.tag_at(self.body, position)
        tag: int = group << 16 | number
        return tag

    def element(self, position: int, end: int, tag: int, place: Place, explicit: bool) -> int:
        """Read one element with all that is inside of it; returns the position after it."""
        vr, start, length = self.header(
            position,
            tag,
            explicit,
        )
        if tag in PIXEL_DATA:
            return self.pixel_data(
                tag,
                start,
                length,
                place,
            )
        if vr == b"SQ" or length == _UNDEFINED:
            self.instance.elements.append(
                Element(
                    tag,
                    b"SQ",
                    b"",
                    place,
                )
            )
            return self.sequence(
                tag,
                start,
                length,
                place,
                explicit and vr == b"SQ",
            )

        after: int = start + length
        if after > end:
            raise IndexError
        raw = self.body[start:after]
        self.note_value(
            tag,
            raw,
            place,
        )
        self.instance.elements.append(
            Element(
                tag,
                vr,
                raw,
                place,
            )
        )
        return after

    def header(self, position: int, tag: int, explicit: bool) -> tuple[bytes, int, int]:
        """VR, where the value starts, and its length."""
        if not explicit:
            return implicit_vr(tag), position + 8, self.long_at(self.body, position + 4)[0]
        vr = self.body[position + 4 : position + 6]
        if vr in SHORT_VRS:
            return vr, position + 8, self.short_at(self.body, position + 6)[0]
        if vr in LONG_VRS:
            return vr, position + 12, self.long_at(self.body, position + 8)[0]
        raise IndexError

    def note_value(self, tag: int, raw: bytes, place: Place) -> None:
        """Remember what later elements need to be understood."""
        if place.depth == 0:
            self.instance.top[tag] = raw
        if tag == _CHARSET:
            place.charset = raw
        if is_creator(tag):
            place.creators[tag] = raw.strip(b"\0 ").decode("latin-1")
        if len(raw) & 1:
            self.problem(
                tag,
                place,
                "has an odd length",
            )

    def problem(self, tag: int, place: Place, words: str) -> None:
        """Note that an element is not plain."""
        self.instance.problems.append((f"{place.path}{own_name(tag, place)}", words))

    def pixel_data(self, tag: int, start: int, length: int, place: Place) -> int:
        """Note where the pixels are; returns the position after them."""
        encapsulated = length == _UNDEFINED
        end = self.fragments_end(start) if encapsulated else start + length
        if end > len(self.body):
            raise IndexError

        if place.depth == 0:
            self.instance.pixels = PixelBytes(
                tag,
                start,
                end,
                encapsulated,
            )
        else:
            self.instance.elements.append(
                Element(
                    tag,
                    b"OW",
                    b"",
                    place,
                )
            )

        return end

    def fragments_end(self, position: int) -> int:
        """The position after the sequence delimiter of encapsulated pixels."""
        while True:
            tag, length = self._item_head(position)
            position += _ITEM_HEAD
            if tag == _SEQUENCE_END:
                return position
            if tag != _ITEM or length == _UNDEFINED:
                raise IndexError
            position += length

    def _item_head(self, position: int) -> tuple[int, int]:
        """Tag and length of an item or delimiter, which have no VR."""
        group, number = self.tag_at(self.body, position)
        (length,) = self.long_at(self.body, position + 4)
        return group << 16 | number, length

    def sequence(self, tag: int, position: int, length: int, parent: Place, explicit: bool) -> int:
        """Read the items of a sequence; returns the position after it."""
        if parent.depth >= _DEEPEST:
            raise IndexError
        end = len(self.body) if length == _UNDEFINED else position + length
        path = f"{parent.path}{own_name(tag, parent)}/"

        while position < end:
            marker, size = self._item_head(position)
            position += _ITEM_HEAD
            if marker == _SEQUENCE_END:
                return position
            if marker != _ITEM:
                raise IndexError
            item = Place(
                parent.charset,
                parent.depth + 1,
                path=path,
            )
            if size == _UNDEFINED:
                position = (
                    self.data_set(
                        position,
                        end,
                        item,
                        explicit,
                    )
                    + 8
                )
            else:
                position = self.data_set(
                    position,
                    position + size,
                    item,
                    explicit,
                )
        return position
