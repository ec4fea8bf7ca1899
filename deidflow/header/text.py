"""A patient's own identifiers, cut out of text and searched in bytes."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from deidflow.dicom.attributes import NAMES
from deidflow.dicom.person_names import fold
from deidflow.header.folded_text import folded_with_places
from deidflow.header.identifiers import expressions
from deidflow.header.name_patterns import name_parts
from deidflow.header.number_patterns import own_numbers
from deidflow.header.vocabulary import keep_words

_ROUNDS = 4
"""Cutting may bring pieces together that are an identifier again."""
_SHORTEST_IN_BYTES, _SHORTEST_IN_IMAGES = 3, 5
"""Letters of what is searched in bytes: shorter names are in any of them by chance."""
_ARCHIVES = (b"PK\x03\x04", b"BZh91AY", b"\xfd7zXZ\0")
_GZIP = b"\x1f\x8b\x08"
_PROBED = 4096
"""Bytes that are read to see whether gzip data are real."""
_CODECS = ("latin-1", "utf-8", "utf-16-le", "utf-16-be")


@dataclass(frozen=True)
class Scrubber:
    """Cuts a patient's own identifiers out of text that is kept."""

    pattern: re.Pattern[str] | None
    own_words: frozenset[str] = frozenset()
    """All parts of the patient's names in lower case, words of acquisition included."""
    in_bytes: re.Pattern[str] | None = None
    """The pattern for binary values, without what is so short that it is in any of them."""
    in_images: re.Pattern[str] | None = None
    """The pattern for tables and colour profiles, which are needed and full of short words."""
    names: re.Pattern[str] | None = None
    """The part of the pattern that is names."""
    vocabulary: frozenset[str] = frozenset()
    """Further words that may stay in descriptions, in lower case."""
    numbers: frozenset[int] = frozenset()
    """The patient's numbers and birth dates as numeric attributes hold them."""

    @classmethod
    def of(
        cls, identifiers: Collection[tuple[str, str]], vocabulary: Iterable[str] = ()
    ) -> Scrubber:
        """A scrubber for (kind, value) pairs; names count by their parts, others as a whole."""
        names = [pair for pair in identifiers if pair[0] in NAMES]
        own_words: set[str] = set()
        for _, name in names:
            own_words.update(map(fold, name_parts(name)))
        words = map(str.lower, vocabulary)

        return cls(
            pattern=_pattern(identifiers),
            own_words=frozenset(own_words),
            in_bytes=_pattern(identifiers, shortest=_SHORTEST_IN_BYTES),
            in_images=_pattern(identifiers, shortest=_SHORTEST_IN_IMAGES),
            names=_pattern(names),
            vocabulary=frozenset(words),
            numbers=own_numbers(identifiers),
        )

    def clean(self, text: str) -> str:
        """The text without identifiers; the rest stays as it is."""
        if self.pattern is None or not text:
            return text
        for _ in range(_ROUNDS):
            cut = _cut_out(self.pattern, text)
            if cut == text:
                return text
            text = cut
        return "" if self.finds(text) else text

    def words(self, text: str) -> str:
        """The words of acquisition in a description, without the patient's own names."""
        return keep_words(
            self.clean(text),
            self.own_words,
            self.vocabulary,
        )

    def hides(self, raw: bytes, *, needed: bool = False) -> bool:
        """Whether bytes hold an identifier, in one or two bytes per character, or compressed data.

        In what an image cannot do without (`needed`) short names do not count.
        """
        if _holds_compressed_data(raw):
            return True
        pattern = self.in_images if needed else self.in_bytes
        if pattern is None:
            return False
        for codec in _CODECS:
            folded, _ = folded_with_places(raw.decode(codec, "replace"))
            if pattern.search(folded):
                return True
        return False

    def is_own_number(self, value: str | int) -> bool:
        """Whether a number, or a text that is one, is a number or the birth date of the patient."""
        if not self.numbers:
            return False
        try:
            return Decimal(value) in self.numbers
        except InvalidOperation:
            return False

    def names_in(self, text: str) -> bool:
        """Whether the text holds a name."""
        return _is_in(self.names, text)

    def finds(self, text: str) -> bool:
        """Whether the text holds an identifier."""
        return _is_in(self.pattern, text)


def _pattern(
    identifiers: Iterable[tuple[str, str]], *, shortest: int = 1
) -> re.Pattern[str] | None:
    """One pattern for all identifiers; None if there is nothing to search."""
    body = "|".join(expressions(identifiers, shortest=shortest))
    return re.compile(body) if body else None


def _is_in(pattern: re.Pattern[str] | None, text: str) -> bool:
    if pattern is None:
        return False
    folded, _ = folded_with_places(text)
    return pattern.search(folded) is not None


def _cut_out(pattern: re.Pattern[str], text: str) -> str:
    """The text without everything that the pattern finds."""
    folded, places = folded_with_places(text)
    removed: set[int] = set()
    for match in pattern.finditer(folded):
        removed.update(places[match.start() : match.end()])
    if not removed:
        return text
    kept = [letter for place, letter in enumerate(text) if place not in removed]
    return "".join(kept)


def _holds_compressed_data(raw: bytes) -> bool:
    """Whether bytes contain compressed data, which cannot be searched."""
    if any(magic in raw for magic in _ARCHIVES):
        return True
    place = raw.find(_GZIP)
    while place >= 0:
        if _is_gzip(raw[place : place + _PROBED]):
            return True
        place = raw.find(_GZIP, place + 1)
    return False


def _is_gzip(raw: bytes) -> bool:
    gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        return bool(gzip.decompress(raw, 64))
    except zlib.error:
        return False
