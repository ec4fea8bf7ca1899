"""Elements as places in a buffer: nothing is decoded or copied until somebody asks (PS3.5 section 7)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

EXPLICIT_HEAD = struct.Struct("<HH2sH").unpack_from
IMPLICIT_HEAD = struct.Struct("<HHI").unpack_from
LENGTH = struct.Struct("<I").unpack_from
_SHORT_FORM = struct.Struct("<HH2sH").pack
_LONG_FORM = struct.Struct("<HH2sHI").pack
_PLAIN_FORM = struct.Struct("<HHI").pack
LONG_VRS = frozenset(b"OB OW OF OD OL OV SQ UN UT UC UR SV UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
PIXEL_TAG = b"\xe0\x7f\x10\x00"


_new = tuple.__new__
"""Half the time of a named tuple's own constructor, on the hottest path there is."""


class NotUnderstood(Exception):
    """The bytes are not what the fast path can prove that it understands; pydicom must read the file."""


class Element(NamedTuple):
    """One element of a buffer: where it starts, where its value starts, and where it ends.

    `vr` is the VR as written, empty in Implicit VR. An undefined length has been resolved: `end` lies
    behind the sequence delimiter.
    """

    tag: int
    vr: bytes
    start: int
    value: int
    end: int
    undefined: bool = False


@lru_cache(maxsize=1)
def dictionary_vrs() -> dict[int, bytes]:
    """Tag -> VR of the data dictionary (PS3.6); of a choice, the first that holds any value."""
    from pydicom._dicom_dict import DicomDictionary

    return {tag: _one_vr(entry[0]) for tag, entry in DicomDictionary.items()}


@lru_cache(maxsize=1)
def dictionary_multiplicity() -> dict[int, int]:
    """Tag -> the largest number of values that the data dictionary allows; 0 where it has no bound."""
    from pydicom._dicom_dict import DicomDictionary

    lasts = {tag: str(entry[1]).split("-")[-1] for tag, entry in DicomDictionary.items()}
    return {tag: int(last) if last.isdigit() else 0 for tag, last in lasts.items()}


def _one_vr(text: str) -> bytes:
    if text in ("US or OW", "US or SS or OW", "OB or OW"):
        return b"OW"
    return text[:2].encode()


def element_at(body: bytes, position: int, end: int, *, explicit: bool) -> Element:
    """The element that starts at `position`; raises NotUnderstood, struct.error or IndexError."""
    if explicit:
        group, number, vr, length = EXPLICIT_HEAD(body, position)
        if vr in SHORT_VRS:
            value = position + 8
        elif vr in LONG_VRS:
            (length,) = LENGTH(body, position + 8)
            value = position + 12
        else:
            raise NotUnderstood
    else:
        group, number, length = IMPLICIT_HEAD(body, position)
        vr, value = b"", position + 8
    if length == UNDEFINED:
        if explicit and vr not in (b"SQ", b"UN", b"OB", b"OW"):
            raise NotUnderstood
        inner = explicit and vr == b"SQ"
        return Element(
            group << 16 | number,
            vr,
            position,
            value,
            _sequence_end(body, value, end, inner, 0),
            True,
        )
    if value + length > end:
        raise NotUnderstood
    return _new(Element, (group << 16 | number, vr, position, value, value + length, False))


def elements_of(
    body: bytes, position: int, end: int, *, explicit: bool, top: bool = False
) -> list[Element]:
    """The elements between two places, in ascending order of tags; at the `top` level up to the pixel data.

    Raises NotUnderstood for what is out of order or twice there, and for lengths that reach too far.
    """
    found: list[Element] = []
    last = -1
    try:
        while position < end and not (top and body[position : position + 4] == PIXEL_TAG):
            element = element_at(body, position, end, explicit=explicit)
            if element.tag <= last or element.tag >= 0xFFFE0000:
                raise NotUnderstood
            found.append(element)
            last, position = element.tag, element.end
    except (struct.error, IndexError):
        raise NotUnderstood from None
    if position > end:
        raise NotUnderstood
    return found


def items_of(body: bytes, element: Element, *, explicit: bool) -> Iterator[tuple[int, int]]:
    """Start and end of the content of each item of a sequence; raises NotUnderstood."""
    position, end = element.value, element.end - (8 if element.undefined else 0)
    while position < end:
        group, number, length = IMPLICIT_HEAD(body, position)
        if group << 16 | number != ITEM:
            raise NotUnderstood
        start = position + 8
        if length == UNDEFINED:
            position = _item_end(body, start, end, explicit, 0)
            yield start, position - 8
        else:
            position = start + length
            if position > end:
                raise NotUnderstood
            yield start, position


def _sequence_end(body: bytes, position: int, end: int, explicit: bool, depth: int) -> int:
    """The place behind the delimiter of a sequence of undefined length."""
    if depth > 48:
        raise NotUnderstood
    while position < end:
        group, number, length = IMPLICIT_HEAD(body, position)
        position += 8
        if group << 16 | number == SEQUENCE_END:
            return position
        if group << 16 | number != ITEM:
            raise NotUnderstood
        position = (
            _item_end(body, position, end, explicit, depth + 1)
            if length == UNDEFINED
            else position + length
        )
    raise NotUnderstood


def _item_end(body: bytes, position: int, end: int, explicit: bool, depth: int) -> int:
    """The place behind the delimiter of an item of undefined length."""
    while position < end:
        if IMPLICIT_HEAD(body, position)[:2] == (0xFFFE, 0xE00D):
            return position + 8
        position = _behind(body, position, end, explicit, depth)
    raise NotUnderstood


def _behind(body: bytes, position: int, end: int, explicit: bool, depth: int) -> int:
    if explicit:
        _, _, vr, length = EXPLICIT_HEAD(body, position)
        position += 8
        if vr in LONG_VRS:
            (length,) = LENGTH(body, position)
            position += 4
        elif vr not in SHORT_VRS:
            raise NotUnderstood
        explicit = vr != b"UN"
    else:
        length = IMPLICIT_HEAD(body, position)[2]
        position += 8
    return (
        _sequence_end(body, position, end, explicit, depth + 1)
        if length == UNDEFINED
        else position + length
    )


def encoded(tag: int, vr: bytes, value: bytes, *, explicit: bool) -> bytes:
    """An element of even length; a value too long for its VR in Explicit VR is of VR UN (PS3.5 6.2.2)."""
    length = len(value)
    if not explicit:
        return _PLAIN_FORM(tag >> 16, tag & 0xFFFF, length) + value
    if vr in LONG_VRS:
        return _LONG_FORM(tag >> 16, tag & 0xFFFF, vr, 0, length) + value
    if length > 0xFFFE:
        return _LONG_FORM(tag >> 16, tag & 0xFFFF, b"UN", 0, length) + value
    return _SHORT_FORM(tag >> 16, tag & 0xFFFF, vr, length) + value


def item(content: bytes) -> bytes:
    """An item of a sequence, of defined length."""
    return _PLAIN_FORM(0xFFFE, 0xE000, len(content)) + content
