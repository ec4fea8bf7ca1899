"""Elements as places in a buffer: nothing is decoded or copied until needed (PS3.5 section 7).

`Form.head` is the only reader of element heads. Whoever checks, reads or splices a data set goes
through it and through `walk.py`, so that no two of them can disagree about what a file holds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from deidflow.verdicts import Reason

LENGTH = struct.Struct("<I").unpack_from
_SHORT_FORM = struct.Struct("<HH2sH").pack
_LONG_FORM = struct.Struct("<HH2sHI").pack
_PLAIN_FORM = struct.Struct("<HHI").pack
LONG_VRS = frozenset(b"OB OW OF OD OL OV SQ UN UT UC UR SV UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
UNDEFINED = 0xFFFFFFFF
OPEN = 1 << 62
"""The end of an element of undefined length, beyond any buffer, until its delimiter is found."""
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
PIXEL_TAG = b"\xe0\x7f\x10\x00"

Buffer = bytes | memoryview
Parts = tuple[int, bytes, int, int, int, bool]
"""The fields of an `Element`, without the cost of one."""


class NotUnderstood(Exception):
    """The bytes are not what the walk can prove that it understands; pydicom must read the file."""

    def __init__(self, reason: Reason = Reason.MALFORMED) -> None:
        super().__init__(reason)
        self.reason = reason


class Element(NamedTuple):
    """One element of a buffer: where it starts, where its value starts, and where it ends.

    `vr` is the VR as written, empty in Implicit VR. `end` is behind the sequence delimiter if the
    length is undefined; as read from the head alone it is OPEN.
    """

    tag: int
    vr: bytes
    start: int
    value: int
    end: int
    undefined: bool = False


Head = Callable[[Buffer, int], Parts]
"""Reads the head at a position; raises NotUnderstood for an unknown VR, struct.error if cut."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the heads of a data set are written: with or without VR, in one byte order."""

    explicit: bool
    little: bool
    head: Head
    item: Head
    """Reads the heads of items and delimiters, which have no VR (PS3.5 section 7.5)."""
    item_end: bytes
    """The tag that ends an item of undefined length."""

    @property
    def inside_unknown(self) -> Form:
        """The form of a sequence within VR UN: without VR (PS3.5 section 6.2.2)."""
        return IMPLICIT if self.little else BIG_IMPLICIT


def _explicit_head(order: str) -> Head:
    """A reader of heads with VR (PS3.5 section 7.1.2) in a byte order of `struct`."""
    short_head = struct.Struct(f"{order}HH2sH").unpack_from
    long_length = struct.Struct(f"{order}I").unpack_from

    def head(body: Buffer, position: int) -> Parts:
        group, number, vr, length = short_head(body, position)
        value = position + 8
        if vr in SHORT_VRS:
            return (
                group << 16 | number,
                vr,
                position,
                value,
                value + length,
                False,
            )
        if vr not in LONG_VRS:
            raise NotUnderstood

        (length,) = long_length(body, value)
        value += 4
        if length == UNDEFINED:
            return (
                group << 16 | number,
                vr,
                position,
                value,
                OPEN,
                True,
            )
        return (
            group << 16 | number,
            vr,
            position,
            value,
            value + length,
            False,
        )

    return head


def _implicit_head(order: str) -> Head:
    """A reader of heads without VR (PS3.5 section 7.1.3) in a byte order of `struct`."""
    plain_head = struct.Struct(f"{order}HHI").unpack_from

    def head(body: Buffer, position: int) -> Parts:
        group, number, length = plain_head(body, position)
        value = position + 8
        if length == UNDEFINED:
            return (
                group << 16 | number,
                b"",
                position,
                value,
                OPEN,
                True,
            )
        return (
            group << 16 | number,
            b"",
            position,
            value,
            value + length,
            False,
        )

    return head


def _forms(order: str) -> tuple[Form, Form]:
    """The forms with and without VR in a byte order of `struct`."""
    little = order == "<"
    plain = _implicit_head(order)
    item_end = struct.pack(
        f"{order}HH",
        ITEM_END >> 16,
        ITEM_END & 0xFFFF,
    )

    explicit = Form(
        explicit=True,
        little=little,
        head=_explicit_head(order),
        item=plain,
        item_end=item_end,
    )
    implicit = Form(
        explicit=False,
        little=little,
        head=plain,
        item=plain,
        item_end=item_end,
    )
    return explicit, implicit


EXPLICIT, IMPLICIT = _forms("<")
BIG_EXPLICIT, BIG_IMPLICIT = _forms(">")


def encoded(tag: int, vr: bytes, value: bytes, *, explicit: bool) -> bytes:
    """An element of even length, in Little Endian.

    A value too long for its VR in Explicit VR is written with VR UN (PS3.5 section 6.2.2).
    """
    length = len(value)
    group, number = tag >> 16, tag & 0xFFFF
    if not explicit:
        return _PLAIN_FORM(group, number, length) + value
    if vr in LONG_VRS:
        return _LONG_FORM(group, number, vr, 0, length) + value
    if length > 0xFFFE:
        return (
            _LONG_FORM(
                group,
                number,
                b"UN",
                0,
                length,
            )
            + value
        )
    return _SHORT_FORM(group, number, vr, length) + value


def item(content: bytes) -> bytes:
    """An item of a sequence, of defined length."""
    return _PLAIN_FORM(0xFFFE, 0xE000, len(content)) + content
