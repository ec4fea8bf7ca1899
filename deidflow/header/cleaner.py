"""A whole file, bytes in, bytes out: new file meta, de-identified header, pixel bytes copied."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from deidflow.dicom.elements import LENGTH, PIXEL_TAG, UNDEFINED, NotUnderstood
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
from deidflow.header.file_meta import new_file_meta
from deidflow.header.level import Level
from deidflow.header.markers import Marker
from deidflow.header.normalise import normalised
from deidflow.header.pixel_element import Chunk, pixel_element
from deidflow.header.rules import Rules
from deidflow.header.splice import Memory, Splicer
from deidflow.header.trail import FileTrail
from deidflow.verdicts import Reason

_META_START = 132
"""Length of preamble and mark."""
_SYNTAX = 0x00020010
_SYNTAXES = "1.2.840.10008.1.2"
"""How the UIDs of all transfer syntaxes of the standard begin."""
_VALUE = {EXPLICIT_LITTLE: 12, DEFLATED: 12, IMPLICIT_LITTLE: 8}
"""Where the value of a native pixel data element starts, in bytes."""


class FromHead(NamedTuple):
    """What to write of a file that was read only in part, and the part of it that follows."""

    chunks: list[Chunk]
    position: int
    """Where the element of the pixel data starts in the file."""
    length: int
    """Of that element, with its header."""
    value: int
    """Where the pixels themselves start."""
    spare: SpareBits | None
    """Bits of the pixels that must hold nothing."""


class _Source(NamedTuple):
    """A file taken apart as far as its meta information."""

    syntax: str
    body: bytes
    """What holds the data set, inflated if needed."""
    start: int
    """Where the data set starts."""
    meta: bytes
    """The file meta information."""


class _Spliced(NamedTuple):
    """A released header."""

    header: bytes
    level: Level
    position: int
    """Where the pixel data start in the source, or its end."""
    splicer: Splicer
    """What handled it."""


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
    is_traced: bool = False
    """Whether `trail` says what became of each element of a file."""
    trail: FileTrail | None = None
    """Of the last file, if traced."""
    _splicers: dict[bool, tuple[Splicer, Repeats[bytes | int]]] = field(default_factory=dict)

    def for_series(self, *, bin_trigger_time: bool) -> HeaderCleaner:
        """The same for a series with or without binned trigger times; memory is shared."""
        context = replace(
            self.context,
            bin_trigger_time=bin_trigger_time,
        )
        return replace(
            self,
            context=context,
            _splicers={},
        )

    def file(self, content: bytes) -> list[Chunk]:
        """The released file in chunks; raises Withheld."""
        return self._normalised_if_needed(
            self.plain_file,
            content,
        )

    def header(self, content: bytes) -> list[Chunk]:
        """The released header as a file of Explicit VR Little Endian; raises Withheld."""
        return self._normalised_if_needed(
            self._header_file,
            content,
        )

    def plain_file(self, content: bytes) -> list[Chunk]:
        """As `file`; raises NotUnderstood, struct.error or IndexError for odd files."""
        source = _opened(content)
        spliced = self._spliced(source)
        pixels = pixel_element(
            source.body,
            spliced.position,
            source.syntax,
            spliced.level.raws,
        )
        if source.syntax in NATIVE and pixels:
            value = _VALUE[source.syntax]
            self._check_spare_bits(
                spliced.level,
                pixels[0][value:],
            )

        chunks: list[Chunk] = [spliced.header, *pixels]
        if source.syntax == DEFLATED:
            chunks = [_deflated(chunks)]
        meta = self._new_meta(source, spliced, source.syntax)
        return [*meta, *chunks]

    def from_head(self, head: bytes, size: int) -> FromHead | None:
        """As `file`, for the first bytes of a file of `size`; None if the whole file is needed."""
        try:
            source = _opened(head)
            if source.syntax not in (EXPLICIT_LITTLE, IMPLICIT_LITTLE):
                return None
            spliced = self._spliced(source)
            position = spliced.position
            value = position + _VALUE[source.syntax]
            if head[position : position + 4] != PIXEL_TAG:
                return None
            (length,) = LENGTH(head, value - 4)
        except (NotUnderstood, Withheld, struct.error, IndexError):
            return None

        end = value + length
        if end > size or length & 1 or length == UNDEFINED:
            return None
        meta = self._new_meta(source, spliced, source.syntax)
        return FromHead(
            chunks=[*meta, spliced.header],
            position=position,
            length=end - position,
            value=value,
            spare=self._spare_bits(spliced.level),
        )

    def _normalised_if_needed(
        self, clean: Callable[[bytes], list[Chunk]], content: bytes
    ) -> list[Chunk]:
        """Clean a file as it is or, where it is odd, as pydicom writes it; raises Withheld."""
        try:
            return clean(_marked(content))
        except (NotUnderstood, struct.error, IndexError):
            pass
        plain = normalised(_marked(content))
        try:
            return clean(plain)
        except (NotUnderstood, struct.error, IndexError):
            raise Withheld(Reason.MALFORMED) from None

    def _header_file(self, content: bytes) -> list[Chunk]:
        source = _opened(content)
        spliced = self._spliced(source)
        meta = self._new_meta(source, spliced, EXPLICIT_LITTLE)
        return [*meta, spliced.header]

    def _new_meta(self, source: _Source, spliced: _Spliced, syntax: str) -> list[bytes]:
        """Preamble and file meta information of an output; then the trail is complete."""
        explicit = self._is_explicit_out(source.syntax)
        meta = new_file_meta(
            spliced.header,
            syntax,
            explicit=explicit,
        )
        if self.is_traced:
            self.trail = FileTrail(
                elements=spliced.splicer.elements,
                level=spliced.level,
                varied=spliced.splicer.varied,
                meta=source.meta,
                new_meta=b"".join(meta[1:]),
            )

        return meta

    def _spare_bits(self, level: Level) -> SpareBits | None:
        """The spare bits that must be empty because nobody promised to clear them."""
        return None if self.context.overlay_bits_cleared else SpareBits.of(level.raws)

    def _check_spare_bits(self, level: Level, pixels: bytes | memoryview) -> None:
        """Raises Withheld if native pixels hold something beside the stored values."""
        spare = self._spare_bits(level)
        if spare is not None and spare.are_used(pixels):
            raise Withheld(Reason.EMBEDDED_OVERLAY)

    def _is_explicit_out(self, syntax: str) -> bool:
        return self.explicit_out or syntax != IMPLICIT_LITTLE

    def _spliced(self, source: _Source) -> _Spliced:
        splicer, repeats = self._splicer(source.syntax)
        splicer.begin()
        level: Level
        level, pieces, position = repeats.read(source.body, source.start)
        finished = splicer.finish(
            level,
            source.body,
            pieces,
        )

        return _Spliced(
            b"".join(finished),
            level,
            position,
            splicer,
        )

    def _splicer(self, syntax: str) -> tuple[Splicer, Repeats[bytes | int]]:
        """What handles the headers of a transfer syntax, made when the first one comes."""
        explicit = syntax != IMPLICIT_LITTLE
        if explicit not in self._splicers:
            explicit_out = self._is_explicit_out(syntax)
            splicer = Splicer(
                rules=self.rules,
                context=self.context,
                explicit=explicit,
                explicit_out=explicit_out,
                markers=self.markers[explicit_out],
                memory=self.memory[explicit],
                is_traced=self.is_traced,
            )
            self._splicers[explicit] = splicer, Repeats(splicer, self.guesses)

        return self._splicers[explicit]


def _marked(content: bytes) -> bytes:
    """The content with preamble and DICM mark."""
    return content if has_mark(content) else with_mark(content)


def _opened(content: bytes) -> _Source:
    """The data set of a file; raises NotUnderstood for transfer syntaxes that are not plain."""
    meta, start = file_meta(content)
    raw = meta.get(_SYNTAX, b"").rstrip(b"\0 ")
    syntax = raw.decode("ascii", "replace")
    if syntax == EXPLICIT_BIG or not syntax.startswith(_SYNTAXES):
        raise NotUnderstood
    own = content[_META_START:start]
    if syntax == DEFLATED:
        inflated = bytes(inflate(memoryview(content)[start:]))
        return _Source(syntax, inflated, 0, own)
    return _Source(syntax, content, start, own)


def _deflated(chunks: Sequence[Chunk]) -> bytes:
    packer = zlib.compressobj(
        level=1,
        method=zlib.DEFLATED,
        wbits=-zlib.MAX_WBITS,
    )
    packed = [packer.compress(chunk) for chunk in chunks]
    packed.append(packer.flush())
    content = b"".join(packed)
    padding = b"\0" * (len(content) & 1)
    return content + padding
