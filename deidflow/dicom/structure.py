"""A bounded walk over the bytes of a DICOM file, before any library may look at it.

Own stack, no recursion, no objects: depth, number of elements, lengths and inflated size are checked
first, and the few top-level values that grouping needs are picked up on the way (PS3.5 section 7,
PS3.10 section 7).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from deidflow.dicom.elements import (
    EXPLICIT_HEAD,
    ITEM,
    ITEM_END,
    LENGTH,
    LONG_VRS,
    PIXEL_DATA,
    SEQUENCE_END,
    SHORT_VRS,
    UNDEFINED,
    Element,
)
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_CHARSET = 0x00080005
_CODESTREAM = 4096


@dataclass(frozen=True)
class Limits:
    """Bounds that a file must keep; beyond them it is quarantined."""

    depth: int = 24
    elements: int = 200_000
    pixel_bytes: int = 2 << 30
    inflated_bytes: int = 256 << 20
    inflated_ratio: int = 1_100
    """Beyond what deflate can reach (1,032), so that blank images pass and `inflated_bytes` decides."""


class NestedValue(NamedTuple):
    """An element inside of a sequence, and the SpecificCharacterSet of its item (empty: that of the data set)."""

    tag: int
    value: bytes
    charset: bytes


@dataclass(frozen=True)
class Structure:
    """What the walk found.

    `values` holds the raw bytes of the wanted top-level elements; `pixel_length` is the length of the
    pixel data in bytes, None without pixel data; `encapsulated` says whether it is in fragments.
    """

    transfer_syntax: str
    values: dict[int, bytes]
    pixel_length: int | None
    encapsulated: bool
    pixel_offset: int = 0
    """Where the value of the pixel data begins in the file; in a deflated one, in what was inflated."""
    nested: list[NestedValue] = field(default_factory=list)
    """The elements inside of sequences that were asked for."""
    codestream: bytes = b""
    """The first bytes of the first fragment of encapsulated pixel data."""

    @property
    def big_endian(self) -> bool:
        """Byte order of binary values."""
        return self.transfer_syntax == EXPLICIT_BIG


_UNPACK = [[struct.Struct(order + form).unpack_from for form in ("H", "I", "HH")] for order in "<>"]
"""Readers of a short, a long and a tag; Little and Big Endian."""


@lru_cache(maxsize=1)
def sequence_tags() -> frozenset[int]:
    """Tags that the data dictionary defines as sequences (PS3.6)."""
    from pydicom._dicom_dict import DicomDictionary

    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


def scan(
    data: memoryview, wanted: Set[int], limits: Limits | None = None, nested: Set[int] = frozenset()
) -> Structure:
    """Walk one DICOM file with the DICM mark.

    Raises Withheld with the reason when a bound is broken, the file is cut, or the transfer syntax is
    not one of PS3.5's.
    """
    limits = limits or Limits()
    try:
        meta, start = file_meta(data)
        syntax = meta.get(0x00020010, b"").rstrip(b"\0 ").decode("ascii", "replace")
        if not syntax.startswith("1.2.840.10008.1.2"):
            raise Withheld(Reason.UNKNOWN_SYNTAX)
        body = inflate(data[start:], limits) if syntax == DEFLATED else data[start:]
        walk = _Walk(body, syntax, wanted, limits, nested)
        walk.run()
    except (struct.error, IndexError):
        raise Withheld(Reason.TRUNCATED) from None
    offset = walk.pixel_value + (0 if syntax == DEFLATED else start)
    return Structure(
        syntax,
        meta | walk.values,
        walk.pixel_length,
        walk.encapsulated,
        offset,
        walk.found,
        walk.codestream,
    )


def check_element(
    body: bytes, element: Element, syntax: str, nested: Set[int]
) -> list[NestedValue]:
    """Keep the bounds inside one element; the `nested` ones in it. Raises Withheld."""
    walk = _Walk(
        memoryview(body),
        syntax,
        frozenset(),
        Limits(),
        nested,
        position=element.start,
        end=element.end,
    )
    try:
        walk.run()
    except (struct.error, IndexError):
        raise Withheld(Reason.TRUNCATED) from None
    return walk.found


def file_meta(data: bytes | memoryview) -> tuple[dict[int, bytes], int]:
    """Values of group 0002 and the offset behind it; found by walking, since the group length may lie."""
    values: dict[int, bytes] = {}
    position, size = 132, len(data)
    while position + 8 <= size:
        group, element, vr, length = EXPLICIT_HEAD(data, position)
        if group != 2:
            break
        if vr in SHORT_VRS:
            value = position + 8
        elif vr in LONG_VRS:
            (length,) = LENGTH(data, position + 8)
            value = position + 12
        else:
            raise Withheld(Reason.MALFORMED)
        if value + length > size:
            raise Withheld(Reason.TRUNCATED)
        values[0x00020000 | element] = bytes(data[value : value + min(length, 1024)])
        position = value + length
    return values, position


def inflate(data: memoryview, limits: Limits | None = None) -> memoryview:
    """A deflated data set (PS3.5 annex A.5); raises Withheld beyond the bounds."""
    limits = limits or Limits()
    cap = min(limits.inflated_bytes, max(1 << 20, len(data) * limits.inflated_ratio))
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


@dataclass
class _Level:
    """One nesting level: the items of a sequence, or the elements of an item."""

    end: int
    items: bool
    implicit: bool
    undefined: bool
    charset: bytes = b""


@dataclass
class _Walk:
    data: memoryview
    syntax: str
    wanted: Set[int]
    limits: Limits
    nested: Set[int] = frozenset()
    found: list[NestedValue] = field(default_factory=list)
    values: dict[int, bytes] = field(default_factory=dict)
    pixel_length: int | None = None
    pixel_value: int = 0
    encapsulated: bool = False
    codestream: bytes = b""
    count: int = 0
    position: int = 0
    end: int = 0
    """Where the walk ends; 0 is the end of the data."""
    stack: list[_Level] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.u16, self.u32, self.tag = _UNPACK[self.syntax == EXPLICIT_BIG]
        self.stack.append(
            _Level(self.end or len(self.data), False, self.syntax == IMPLICIT_LITTLE, False)
        )

    def run(self) -> None:
        """Walk until the pixel data or the end; what stands behind the pixel data is never read."""
        while self.stack:
            level = self.stack[-1]
            if self.position >= level.end:
                if level.undefined or self.position > level.end:
                    raise Withheld(Reason.TRUNCATED)
                self.stack.pop()
            elif level.items:
                self._item(level)
            elif self._element(level):
                return

    def _item(self, level: _Level) -> None:
        group, element = self.tag(self.data, self.position)
        length, tag = self.u32(self.data, self.position + 4)[0], group << 16 | element
        self.position += 8
        if tag == SEQUENCE_END and level.undefined:
            self.stack.pop()
        elif tag == ITEM:
            self._push(length, items=False, implicit=level.implicit)
        else:
            raise Withheld(Reason.MALFORMED)

    def _element(self, level: _Level) -> bool:
        """Step over or into one element; True when it was the pixel data of the file itself."""
        group, element = self.tag(self.data, self.position)
        tag = group << 16 | element
        if tag == ITEM_END and level.undefined:
            self.position += 8
            self.stack.pop()
            return False
        vr, length, value = self._header(level)
        self.count += 1
        if self.count > self.limits.elements:
            raise Withheld(Reason.TOO_MANY_ELEMENTS)
        if len(self.stack) == 1 and tag == PIXEL_DATA:
            self._pixels(length, value)
            return True
        self._step(level, tag, vr, length, value)
        return False

    def _header(self, level: _Level) -> tuple[bytes, int, int]:
        at = self.position
        if level.implicit:
            return b"", self.u32(self.data, at + 4)[0], at + 8
        vr = bytes(self.data[at + 4 : at + 6])
        if vr in SHORT_VRS:
            return vr, self.u16(self.data, at + 6)[0], at + 8
        if vr in LONG_VRS:
            return vr, self.u32(self.data, at + 8)[0], at + 12
        raise Withheld(Reason.MALFORMED)

    def _step(self, level: _Level, tag: int, vr: bytes, length: int, value: int) -> None:
        nested = (
            vr == b"SQ" or length == UNDEFINED or (vr in (b"", b"UN") and tag in sequence_tags())
        )
        self.position = value
        if nested:
            self._push(length, items=True, implicit=level.implicit or vr == b"UN")
            return
        if value + length > level.end:
            raise Withheld(Reason.TRUNCATED)
        if len(self.stack) == 1 and tag in self.wanted:
            self.values[tag] = bytes(self.data[value : value + length])
        elif tag in self.nested and length and len(self.stack) > 1:
            self.found.append(
                NestedValue(tag, bytes(self.data[value : value + length]), level.charset)
            )
        elif tag == _CHARSET and len(self.stack) > 1:
            level.charset = bytes(self.data[value : value + length])
        self.position = value + length

    def _push(self, length: int, *, items: bool, implicit: bool) -> None:
        if len(self.stack) > 2 * self.limits.depth:
            raise Withheld(Reason.TOO_DEEP)
        outer = self.stack[-1].end
        undefined = length == UNDEFINED
        end = outer if undefined else self.position + length
        if end > outer:
            raise Withheld(Reason.TRUNCATED)
        self.stack.append(_Level(end, items, implicit, undefined, self.stack[-1].charset))

    def _pixels(self, length: int, value: int) -> None:
        self.encapsulated = length == UNDEFINED
        end = self._fragments(value) if self.encapsulated else value + length
        if end > len(self.data):
            raise Withheld(Reason.TRUNCATED)
        self.pixel_length, self.pixel_value = end - value, value

    def _fragments(self, position: int) -> int:
        """Behind the fragments; notes how the first one after the offset table begins."""
        first = position
        while True:
            group, element = self.tag(self.data, position)
            length = self.u32(self.data, position + 4)[0]
            position += 8
            if (group << 16 | element) == SEQUENCE_END:
                return position
            if (group << 16 | element) != ITEM or position + length > len(self.data):
                raise Withheld(Reason.TRUNCATED)
            if length and position > first + 8 and not self.codestream:
                self.codestream = bytes(self.data[position : position + min(length, _CODESTREAM)])
            position += length
