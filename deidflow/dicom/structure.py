"""The structure of a DICOM file, checked before any library may look at it.

Depth, number of elements, lengths and inflated size are checked first, and the few values that
grouping needs are picked up on the way (PS3.5 section 7, PS3.10 section 7).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Set
from dataclasses import dataclass, field
from typing import NamedTuple

from deidflow.dicom.character_sets import CHARSET
from deidflow.dicom.elements import (
    BIG_EXPLICIT,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    PIXEL_DATA,
    SEQUENCE_END,
    Buffer,
    Element,
    Form,
    NotUnderstood,
    Parts,
)
from deidflow.dicom.walk import LIMITS, Level, Limits, Walk
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
META_SOP_CLASS, META_INSTANCE, META_SYNTAX = 0x00020002, 0x00020003, 0x00020010
_FORMS = {IMPLICIT_LITTLE: IMPLICIT, EXPLICIT_BIG: BIG_EXPLICIT}
_META_START = 132
_META_GROUP = b"\2\0"
_META_VALUES = frozenset((META_SOP_CLASS, META_INSTANCE, META_SYNTAX))
_LONGEST_UID = 1024
_CODESTREAM = 4096
_LEAST_CAP = 1 << 20


class NestedValue(NamedTuple):
    """An element in a sequence, and the SpecificCharacterSet of its item.

    The character set is empty if it is that of the data set.
    """

    tag: int
    value: bytes
    charset: bytes


@dataclass(frozen=True)
class Structure:
    """Values and pixel data found by the walk.

    `values` holds the raw bytes of the wanted top-level elements; `pixel_length` is the length of
    the pixel data in bytes, None without; `encapsulated` says whether it is in fragments.
    """

    transfer_syntax: str
    values: dict[int, bytes]
    pixel_length: int | None
    encapsulated: bool
    pixel_offset: int = 0
    """Where the value of the pixel data begins in the file, or in the inflated data set."""
    nested: list[NestedValue] = field(default_factory=list)
    """The elements in sequences that were asked for."""
    codestream: bytes = b""
    """The first bytes of the first fragment of encapsulated pixel data."""

    @property
    def big_endian(self) -> bool:
        """Whether binary values are in Big Endian byte order."""
        return self.transfer_syntax == EXPLICIT_BIG


def scan(
    data: memoryview, wanted: Set[int], limits: Limits = LIMITS, nested: Set[int] = frozenset()
) -> Structure:
    """Walk one DICOM file with the DICM mark.

    Raises Withheld with the reason when a bound is broken, the file is cut, or the transfer syntax
    is not one of PS3.5's.
    """
    try:
        return _scan(data, wanted, limits, nested)
    except NotUnderstood as error:
        raise Withheld(error.reason) from None
    except (struct.error, IndexError):
        raise Withheld(Reason.TRUNCATED) from None


def _scan(data: memoryview, wanted: Set[int], limits: Limits, nested: Set[int]) -> Structure:
    meta, start = file_meta(data)
    syntax = syntax_of(meta)
    if not is_dicom_syntax(syntax):
        raise Withheld(Reason.UNKNOWN_SYNTAX)
    deflated = syntax == DEFLATED
    body = data[start:]
    if deflated:
        body = inflate(body, limits)
    form = _FORMS.get(syntax, EXPLICIT)

    picked = _Picked(body, wanted, nested)
    level = Level(
        len(body),
        form,
        of_items=False,
        undefined=False,
    )
    walk = Walk(
        body,
        0,
        level,
        leaf=picked.take,
        stop=PIXEL_DATA,
        limits=limits,
    )
    parts = walk.run()

    pixels = _pixel_value(body, parts, form)
    return Structure(
        transfer_syntax=syntax,
        values=meta | picked.values,
        pixel_length=pixels.length,
        encapsulated=pixels.encapsulated,
        pixel_offset=pixels.start + (0 if deflated else start),
        nested=picked.nested_values,
        codestream=pixels.codestream,
    )


def check_element(
    body: bytes, element: Element, nested: Set[int], *, explicit: bool
) -> list[NestedValue]:
    """Check the bounds inside one element, and return the `nested` ones; raises NotUnderstood."""
    form = EXPLICIT if explicit else IMPLICIT
    picked = _Picked(body, frozenset(), nested)
    level = Level(
        element.end,
        form,
        of_items=False,
        undefined=False,
    )
    Walk(
        body,
        element.start,
        level,
        leaf=picked.take,
    ).run()

    return picked.nested_values


class _Picked:
    """Wanted values, picked up on the way."""

    def __init__(self, body: Buffer, wanted: Set[int], nested: Set[int]) -> None:
        self.body = body
        self.wanted = wanted
        self.nested = nested
        self.values: dict[int, bytes] = {}
        self.nested_values: list[NestedValue] = []

    def take(self, parts: Parts, walk: Walk) -> None:
        """Keep the value of a wanted element, and the character set of an item."""
        tag, _, _, start, end, _ = parts
        if len(walk.levels) == 1:
            if tag in self.wanted:
                value = self.body[start:end]
                self.values[tag] = bytes(value)
        elif tag in self.nested:
            if start < end:
                value = self.body[start:end]
                charset = walk.charsets[-1]
                self.nested_values.append(NestedValue(tag, bytes(value), charset))
        elif tag == CHARSET:
            value = self.body[start:end]
            walk.charsets[-1] = bytes(value)


@dataclass(frozen=True)
class _PixelValue:
    """Start and length in bytes of the value of the pixel data; None without pixel data."""

    start: int
    length: int | None
    encapsulated: bool = False
    codestream: bytes = b""


def _pixel_value(body: Buffer, parts: Parts | None, form: Form) -> _PixelValue:
    if parts is None:
        return _PixelValue(0, None)
    _, _, _, start, end, undefined = parts
    if undefined:
        return _fragments(body, start, form)
    if end > len(body):
        raise NotUnderstood(Reason.TRUNCATED)
    return _PixelValue(start, end - start)


def _fragments(body: Buffer, start: int, form: Form) -> _PixelValue:
    """Encapsulated pixel data, with the beginning of the first fragment after the offset table."""
    codestream = b""
    position = start
    while True:
        tag, _, _, value, end, _ = form.item(body, position)
        if tag == SEQUENCE_END:
            return _PixelValue(
                start,
                value - start,
                True,
                codestream,
            )
        if tag != ITEM or end > len(body):
            raise NotUnderstood(Reason.TRUNCATED)

        if position > start and value < end and not codestream:
            last = min(end, value + _CODESTREAM)
            codestream = bytes(body[value:last])
        position = end


def file_meta(data: Buffer) -> tuple[dict[int, bytes], int]:
    """SOP class, instance and transfer syntax in the file meta information, and where it ends.

    The offset is found by walking, since the group length may lie. Raises Withheld.
    """
    values: dict[int, bytes] = {}
    head = EXPLICIT.head
    position = _META_START
    size = len(data)
    try:
        while data[position : position + 2] == _META_GROUP and position + 8 <= size:
            tag, _, _, value, end, _ = head(data, position)
            if end > size:
                raise Withheld(Reason.TRUNCATED)
            if tag in _META_VALUES:
                last = min(end, value + _LONGEST_UID)
                values[tag] = bytes(data[value:last])
            position = end
    except NotUnderstood:
        raise Withheld(Reason.MALFORMED) from None
    return values, position


def syntax_of(meta: dict[int, bytes]) -> str:
    """The transfer syntax named by file meta values; empty if none is."""
    return (
        meta.get(META_SYNTAX, b"")
        .rstrip(b"\0 ")
        .decode(
            "ascii",
            "replace",
        )
    )


def is_dicom_syntax(syntax: str) -> bool:
    """Whether a transfer syntax is one of DICOM's own (PS3.6 annex A)."""
    return syntax.startswith(IMPLICIT_LITTLE)


def inflate(data: memoryview, limits: Limits = LIMITS) -> memoryview:
    """A deflated data set (PS3.5 annex A.5), inflated; raises Withheld beyond the bounds."""
    plausible = len(data) * limits.inflated_ratio
    cap = min(limits.inflated_bytes, max(_LEAST_CAP, plausible))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data, cap)
    except zlib.error:
        raise Withheld(Reason.MALFORMED) from None

    if inflater.unconsumed_tail:
        raise Withheld(Reason.TOO_LARGE)
    if not inflater.eof:
        raise Withheld(Reason.TRUNCATED)
    return memoryview(plain)
