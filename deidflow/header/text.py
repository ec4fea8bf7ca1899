"""Free text: words that may stay, tokens that may stay, and a patient's own identifiers cut out."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from deidflow.dicom.instance import NAMES
from deidflow.dicom.person_names import fold
from deidflow.header.folded_text import folded_with_places
from deidflow.header.identifiers import expressions
from deidflow.header.name_patterns import name_parts
from deidflow.header.number_patterns import own_numbers
from deidflow.resources import load_yaml

_WORD = re.compile(r"[0-9A-Za-z.]+")
_ROUNDS = 4
"""Cutting may bring pieces together that are an identifier again."""


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[frozenset[str], re.Pattern[str]]:
    loaded = load_yaml("vocabulary/acquisition.yaml")
    words = frozenset(word for line in loaded["words"] for word in str(line).split())
    return words, re.compile("|".join(loaded["patterns"]))


@lru_cache(maxsize=1)
def _tokens() -> frozenset[str]:
    lines = load_yaml("vocabulary/image_tokens.yaml")["tokens"]
    return frozenset(token for line in lines for token in str(line).split())


def keep_words(
    text: str, own: frozenset[str] = frozenset(), more: frozenset[str] = frozenset()
) -> str:
    """The words of acquisition in a description, in order: `T1 MPRAGE SAG KIM` gives `T1 MPRAGE SAG`.

    `own` are parts of the patient's names, lower case: they go even if they are words of acquisition.
    `more` are further words that a site lets stay, lower case.
    """
    words, patterns = _vocabulary()
    found = ((word, word.lower()) for word in _WORD.findall(text))
    return " ".join(
        word
        for word, low in found
        if (low in words or low in more or patterns.fullmatch(low)) and low not in own
    )


def keep_tokens(values: Iterable[str]) -> list[str]:
    """Values of ImageType and the like by list; a dropped one among the first four leaves NONE."""
    kept = []
    for number, value in enumerate(values):
        if value.strip() in _tokens():
            kept.append(value.strip())
        elif number < 4:
            kept.append("NONE" if value.strip() else "")
    return kept


def _packed(raw: bytes) -> bool:
    """Whether something compressed stands in bytes, in which nothing can be found."""
    if any(magic in raw for magic in (b"PK\x03\x04", b"BZh91AY", b"\xfd7zXZ\0")):
        return True
    place = raw.find(b"\x1f\x8b\x08")
    while place >= 0:
        try:
            if zlib.decompressobj(31).decompress(raw[place : place + 4096], 64):
                return True
        except zlib.error:
            pass
        place = raw.find(b"\x1f\x8b\x08", place + 1)
    return False


def _compiled(body: str) -> re.Pattern[str] | None:
    return re.compile(body) if body else None


@dataclass(frozen=True)
class Scrubber:
    """Cuts a patient's own identifiers out of text that is kept."""

    pattern: re.Pattern[str] | None
    own_words: frozenset[str] = frozenset()
    """All parts of the patient's names, lower case, words of acquisition among them too."""
    in_bytes: re.Pattern[str] | None = None
    """The pattern for binary values: what is so short that it stands in any of them is not in it."""
    in_images: re.Pattern[str] | None = None
    """The pattern for tables and colour profiles, which are needed and full of short words."""
    names: re.Pattern[str] | None = None
    """The part of the pattern that is names."""
    vocabulary: frozenset[str] = frozenset()
    """Further words that may stay in descriptions, lower case."""
    numbers: frozenset[int] = frozenset()
    """The patient's numbers and birth dates, as numeric attributes hold them."""

    @classmethod
    def of(
        cls, identifiers: Collection[tuple[str, str]], vocabulary: Iterable[str] = ()
    ) -> Scrubber:
        """A scrubber for (kind, value) pairs; names count by their parts, others as a whole."""
        pairs = [(kind, value) for kind, value in identifiers if kind in NAMES]
        own_words = frozenset(fold(part) for _, value in pairs for part in name_parts(value))
        names = _compiled("|".join(expressions(pairs)))
        body = "|".join(expressions(identifiers))
        more = frozenset(word.lower() for word in vocabulary)
        longer, longest = ("|".join(expressions(identifiers, shortest=least)) for least in (3, 5))
        return cls(
            _compiled(body),
            own_words,
            _compiled(longer),
            _compiled(longest),
            names,
            more,
            own_numbers(identifiers),
        )

    def clean(self, text: str) -> str:
        """The text without identifiers; the rest stays as it is."""
        if self.pattern is None or not text:
            return text
        for _ in range(_ROUNDS):
            folded, places = folded_with_places(text)
            spans = [
                match.span()
                for match in self.pattern.finditer(folded)
                if match.end() > match.start()
            ]
            if not spans:
                return text
            gone = {places[index] for start, end in spans for index in range(start, end)}
            text = "".join(letter for place, letter in enumerate(text) if place not in gone)
        return "" if self.finds(text) else text

    def words(self, text: str) -> str:
        """The words of acquisition in a description, without the patient's own names."""
        return keep_words(self.clean(text), self.own_words, self.vocabulary)

    def hides(self, raw: bytes, *, needed: bool = False) -> bool:
        """Whether bytes hold an identifier, in one or two bytes a character, or something compressed.

        In what an image cannot do without (`needed`) short names do not count.
        """
        if _packed(raw):
            return True
        pattern = self.in_images if needed else self.in_bytes
        if pattern is None:
            return False
        texts = (
            raw.decode(codec, "replace") for codec in ("latin-1", "utf-8", "utf-16-le", "utf-16-be")
        )
        return any(pattern.search(folded_with_places(text)[0]) for text in texts)

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
        return self.names is not None and self.names.search(folded_with_places(text)[0]) is not None

    def finds(self, text: str) -> bool:
        """Whether the text holds an identifier."""
        return (
            self.pattern is not None
            and self.pattern.search(folded_with_places(text)[0]) is not None
        )
