"""A whole file, bytes in, bytes out: file meta made anew, header de-identified, pixel bytes straight through."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from pydicom.encaps import generate_frames

from deidflow.dicom.codestream import without_comments, without_tail
from deidflow.dicom.elements import LENGTH, PIXEL_TAG, UNDEFINED, NotUnderstood, encoded, item
from deidflow.dicom.encoding import NATIVE
from deidflow.dicom.file_kind import has_mark, with_mark
from deidflow.dicom.repeats import Guesses, Repeats
from deidflow.dicom.spare_bits import SpareBits
from deidflow.dicom.structure import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    file_meta,
    inflate,
)
from deidflow.errors import Withheld
from deidflow.header.context import HeaderContext
from deidflow.header.markers import Marker
from deidflow.header.normalise import normalised
from deidflow.header.rules import Rules
from deidflow.header.splice import Level, Memory, Splicer
from deidflow.header.uids import IMPLEMENTATION_CLASS, IMPLEMENTATION_NAME
from deidflow.verdicts import Reason

_SYNTAX = 0x00020010
_FRAMES, _ROWS, _COLUMNS = 0x00280008, 0x00280010, 0x00280011
_RLE = "1.2.840.10008.1.2.5"
_PREAMBLE = bytes(128) + b"DICM"
Chunk = bytes | memoryview
_VALUE = {EXPLICIT_LITTLE: 12, DEFLATED: 12, IMPLICIT_LITTLE: 8}
"""Where the value of a native pixel data element starts."""


class FromHead(NamedTuple):
    """What to write of a file of which only the first bytes were read, and the part of it that follows."""

    chunks: list[Chunk]
    position: int
    """Where the element of the pixel data starts in the file."""
    length: int
    """Of that element, with its header."""
    value: int
    """Where the pixels themselves start."""
    spare: SpareBits | None
    """Bits of the pixels that must hold nothing."""


@dataclass
class HeaderCleaner:
    """De-identifies the files of one series, one after the other."""

    rules: Rules
    context: HeaderContext
    markers: dict[bool, list[Marker]]
    """By whether headers are written as Explicit VR."""
    explicit_out: bool = False
    """Whether every header is written as Explicit VR Little Endian."""
    memory: dict[bool, Memory] = field(default_factory=lambda: {True: {}, False: {}})
    """Shared by the series of a study."""
    guesses: Guesses = field(default_factory=dict)
    """What varied in earlier series."""
    _splicers: dict[bool, tuple[Splicer, Repeats[bytes | int]]] = field(default_factory=dict)

    def for_series(self, *, bin_trigger_time: bool) -> HeaderCleaner:
        """The same for a series whose trigger times may, or may not, be binned; what was learned stays shared."""
        context = replace(self.context, bin_trigger_time=bin_trigger_time)
        return replace(self, context=context, _splicers={})

    def file(self, content: bytes) -> list[Chunk]:
        """The released file in chunks; raises Withheld."""
        try:
            return self._file(content if has_mark(content) else with_mark(content))
        except (NotUnderstood, struct.error, IndexError):
            return self._slowly(self._file, content)

    def from_head(self, head: bytes, size: int) -> FromHead | None:
        """As `file`, for the first bytes of a file of `size`; None where the whole file is needed."""
        try:
            syntax, body, start = _opened(head)
            if syntax not in (EXPLICIT_LITTLE, IMPLICIT_LITTLE):
                return None
            header, known, position = self._spliced(syntax, body, start)
            offset = position + (8 if syntax == EXPLICIT_LITTLE else 4)
            if body[position : position + 4] != PIXEL_TAG:
                return None
            (length,) = LENGTH(body, offset)
        except (NotUnderstood, Withheld, struct.error, IndexError):
            return None
        end = offset + 4 + length
        if end > size or length & 1 or length == UNDEFINED:
            return None
        chunks = [*_meta(header, syntax, explicit=self._out(syntax)), header]
        return FromHead(chunks, position, end - position, offset + 4, self._spare(known))

    def _spare(self, known: Level) -> SpareBits | None:
        """The spare bits that must be empty, since nobody promised to clear them."""
        return None if self.context.overlay_bits_cleared else SpareBits.of(known.raws)

    def header(self, content: bytes) -> list[Chunk]:
        """The released header without pixels, as a file in Explicit VR Little Endian; raises Withheld."""
        try:
            return self._header_file(content)
        except (NotUnderstood, struct.error, IndexError):
            return self._slowly(self._header_file, content)

    def _slowly(self, work: object, content: bytes) -> list[Chunk]:
        try:
            return work(normalised(content if has_mark(content) else with_mark(content)))  # type: ignore[operator,no-any-return]
        except (NotUnderstood, struct.error, IndexError):
            raise Withheld(Reason.MALFORMED) from None

    def _header_file(self, content: bytes) -> list[Chunk]:
        syntax, body, start = _opened(content)
        header, _, _ = self._spliced(syntax, body, start)
        return [*_meta(header, EXPLICIT_LITTLE, explicit=self._out(syntax)), header]

    def _file(self, content: bytes) -> list[Chunk]:
        syntax, body, start = _opened(content)
        header, known, position = self._spliced(syntax, body, start)
        pixels = _pixels(body, position, syntax, known.raws)
        spare = self._spare(known)
        if (
            spare is not None
            and syntax in NATIVE
            and pixels
            and spare.are_used(pixels[0][_VALUE[syntax] :])
        ):
            raise Withheld(Reason.EMBEDDED_OVERLAY)
        chunks: list[Chunk] = [header, *pixels]
        meta = _meta(header, syntax, explicit=self._out(syntax))
        return [*meta, _deflated(chunks)] if syntax == DEFLATED else [*meta, *chunks]

    def _out(self, syntax: str) -> bool:
        return self.explicit_out or syntax != IMPLICIT_LITTLE

    def _spliced(self, syntax: str, body: bytes, start: int) -> tuple[bytes, Level, int]:
        explicit = syntax != IMPLICIT_LITTLE
        if explicit not in self._splicers:
            out = self._out(syntax)
            splicer = Splicer(
                self.rules, self.context, explicit, out, self.markers[out], self.memory[explicit]
            )
            self._splicers[explicit] = splicer, Repeats(splicer, self.guesses)
        splicer, repeats = self._splicers[explicit]
        known: Level
        known, pieces, position = repeats.read(body, start)
        return b"".join(splicer.finish(known, body, pieces)), known, position


def _opened(content: bytes) -> tuple[str, bytes, int]:
    """Transfer syntax, data set, and where it starts; raises NotUnderstood where it is no plain one."""
    meta, start = file_meta(content)
    syntax = meta.get(_SYNTAX, b"").rstrip(b"\0 ").decode("ascii", "replace")
    if syntax == EXPLICIT_BIG or not syntax.startswith("1.2.840.10008.1.2"):
        raise NotUnderstood
    if syntax == DEFLATED:
        return syntax, bytes(inflate(memoryview(content)[start:])), 0
    return syntax, content, start


def _pixels(body: bytes, position: int, syntax: str, facts: Mapping[int, bytes]) -> list[Chunk]:
    """The pixel data element as it is; bytes behind it are left out."""
    if position == len(body):
        return []
    if body[position : position + 4] != PIXEL_TAG:
        raise NotUnderstood
    explicit = syntax != IMPLICIT_LITTLE
    offset = position + (8 if explicit else 4)
    (length,) = LENGTH(body, offset)
    if (length == UNDEFINED) == (syntax in NATIVE):
        raise Withheld(Reason.PIXEL_ENCODING)
    if length != UNDEFINED:
        end = offset + 4 + length
        if end > len(body) or length & 1:
            raise NotUnderstood
        return [memoryview(body)[position:end]]
    return _fragments(body, offset + 4, position, syntax, facts)


def _fragments(
    body: bytes, first: int, start: int, syntax: str, facts: Mapping[int, bytes]
) -> list[Chunk]:
    """Encapsulated pixel data; text in codestreams and behind them is cut out, and offsets that are none."""
    found, position = [], first
    while body[position : position + 4] == b"\xfe\xff\x00\xe0":
        (length,) = LENGTH(body, position + 4)
        found.append(body[position + 8 : position + 8 + length])
        position += 8 + length
    if (
        position + 8 > len(body)
        or body[position : position + 4] != b"\xfe\xff\xdd\xe0"
        or not found
    ):
        raise NotUnderstood
    frames = _frames(body[first:position], found, syntax, facts)
    cleaned = [_without_text(frame, syntax, facts) for frame in frames]
    if cleaned == frames and _are_offsets(found):
        return [memoryview(body)[start : position + 8]]
    padded = (one + b"\0" * (len(one) & 1) for one in cleaned)
    return [body[start:first], item(b""), *map(item, padded), b"\xfe\xff\xdd\xe0\0\0\0\0"]


def _frames(
    content: bytes, found: list[bytes], syntax: str, facts: Mapping[int, bytes]
) -> list[bytes]:
    text = facts.get(_FRAMES, b"1").decode("ascii", "replace").strip("\0 ")
    number = int(text) if text.isdigit() and int(text) else 1
    if syntax == _RLE or number == len(found) - 1:
        return found[1:]
    return list(generate_frames(content, number_of_frames=number))


def _without_text(frame: bytes, syntax: str, facts: Mapping[int, bytes]) -> bytes:
    """A frame without comments and tail; one that had none is the same, padding and all."""
    if syntax == _RLE:
        rows, columns = (
            int.from_bytes(facts.get(tag, b"")[:2], "little") for tag in (_ROWS, _COLUMNS)
        )
        cleaned = without_tail(frame, rows * columns)
    else:
        cleaned = without_comments(frame)
    return (
        frame
        if frame[: len(cleaned)] == cleaned and frame[len(cleaned) :] in (b"", b"\0")
        else cleaned
    )


def _are_offsets(found: list[bytes]) -> bool:
    """Whether the basic offset table is empty, or holds where frames begin (PS3.5 A.4)."""
    starts = [0]
    for fragment in found[1:]:
        starts.append(starts[-1] + 8 + len(fragment))
    count, rest = divmod(len(found[0]), 4)
    return not rest and set(struct.unpack(f"<{count}I", found[0])) <= set(starts)


def _deflated(chunks: Sequence[Chunk]) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join([*(packer.compress(chunk) for chunk in chunks), packer.flush()])
    return packed + b"\0" * (len(packed) & 1)


def _meta(header: bytes, syntax: str, *, explicit: bool) -> list[Chunk]:
    """Preamble and file meta information made of the released header only (PS3.10 section 7.1)."""
    sop_class, instance = _class_and_instance(header, explicit)
    before, behind = _around_instance(sop_class, syntax)
    own = encoded(0x00020003, b"UI", instance + b"\0" * (len(instance) & 1), explicit=True)
    length = struct.pack("<I", len(before) + len(own) + len(behind))
    return [_PREAMBLE, encoded(0x00020000, b"UL", length, explicit=True), before + own + behind]


@lru_cache(maxsize=64)
def _around_instance(sop_class: bytes, syntax: str) -> tuple[bytes, bytes]:
    """The file meta information before and behind the instance's UID."""
    before = ((0x00020001, b"OB", b"\0\1"), (0x00020002, b"UI", sop_class))
    behind = (
        (0x00020010, b"UI", syntax.encode("ascii")),
        (0x00020012, b"UI", IMPLEMENTATION_CLASS.encode("ascii")),
        (0x00020013, b"SH", IMPLEMENTATION_NAME.encode("ascii")),
    )
    first, last = (
        b"".join(
            encoded(tag, vr, value + b"\0" * (len(value) & 1), explicit=True)
            for tag, vr, value in rows
        )
        for rows in (before, behind)
    )
    return first, last


def _class_and_instance(header: bytes, explicit: bool) -> tuple[bytes, bytes]:
    """SOP Class and Instance UID, which stand among the first elements."""
    found: dict[bytes, bytes] = {}
    position = 0
    while len(found) < 2 and position < len(header):
        tag = header[position : position + 4]
        (length,) = struct.unpack_from(
            "<H" if explicit else "<I", header, position + (6 if explicit else 4)
        )
        if tag in (b"\x08\x00\x16\x00", b"\x08\x00\x18\x00"):
            found[tag] = header[position + 8 : position + 8 + length].rstrip(b"\0 ")
        elif explicit and header[position + 4 : position + 6] in (
            b"SQ",
            b"UN",
            b"UT",
            b"UC",
            b"OB",
        ):
            (length,) = LENGTH(header, position + 8)
            position += 4
        position += 8 + length
    if len(found) < 2:
        raise Withheld(Reason.MISSING_UID)
    return found[b"\x08\x00\x16\x00"], found[b"\x08\x00\x18\x00"]
