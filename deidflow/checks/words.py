"""Text as the search compares it: folded letters, words, and readable runs in binary values."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from deidflow.resources import load_yaml

UNSPACED = 0x2E7F
"""The last code point before the scripts of China, Japan and Korea, which write no spaces."""
DIGEST = re.compile(r"(?<![^\W_])(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{32,}(?![^\W_])")
"""A hexadecimal digest of 128 bits or more: short words and numbers are in it by chance."""
_WORD = re.compile(r"[^\W_]+")
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "ħ": "h"})
_LIGATURES = str.maketrans({"æ": "ae", "œ": "oe", "þ": "th", "ς": "σ"})
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_RUN = re.compile(rb"[\x20-\x7e\x80-\xff]{4,}")
_WIDE_RUN = re.compile(rb"(?:[\x20-\x7e\xa0-\xff]\0){4,}")
_SILENT = "-"
"""In the table of romanisation: the letter may be left out."""


def fold(text: str) -> str:
    """Lower case without diacritics, for comparing."""
    if text.isascii():
        return text.lower()
    lower = text.lower()
    plain = lower.translate(_LETTERS)
    decomposed = unicodedata.normalize("NFKD", plain)
    letters = itertools.filterfalse(
        unicodedata.combining,
        decomposed,
    )
    bare = "".join(letters)
    composed = unicodedata.normalize("NFC", bare)
    folded = composed.casefold()
    return folded.translate(_LIGATURES)


def spellings(text: str) -> set[str]:
    """A name folded, and folded with its umlauts spelled out: `muller` and `mueller`."""
    spelled_out = text.lower().translate(_SPELLED)
    return {fold(text), fold(spelled_out)}


def in_latin_letters(folded: str) -> str:
    """A pattern of the ways to write a Cyrillic or Greek word in Latin letters.

    Empty for other words.
    """
    table = _romanisation()
    pieces: list[str] = []
    position = 0
    while position < len(folded):
        letters = _letters_at(folded, position)
        if not letters:
            return ""
        pieces.append(table[letters])
        position += len(letters)
    return "".join(pieces)


def _letters_at(folded: str, position: int) -> str:
    """The longest group of letters in the table that the word has at a position."""
    for letters in _romanised_letters():
        if folded.startswith(letters, position):
            return letters
    return ""


@lru_cache(maxsize=1)
def _romanised_letters() -> tuple[str, ...]:
    """The letters of the table, groups of several first."""
    letters = sorted(_romanisation())
    letters.sort(key=len, reverse=True)
    return tuple(letters)


@lru_cache(maxsize=1)
def _romanisation() -> dict[str, str]:
    """Letters of a script -> a pattern of what is written for them."""
    table: dict[str, str] = {}
    for letters, ways in _romanisation_rows():
        written = [way for way in ways if way != _SILENT]
        escaped = map(re.escape, written)
        alternatives = "|".join(escaped)
        pattern = f"(?:{alternatives})"
        is_silent = _SILENT in ways
        if is_silent:
            pattern += "?"
        table[letters] = pattern
    return table


def _romanisation_rows() -> Iterator[tuple[str, list[str]]]:
    scripts = load_yaml("vocabulary/romanisation.yaml")
    for script in scripts.values():
        for letters, ways in script.items():
            yield str(letters), str(ways).split()


def words_of(folded: str) -> list[str]:
    """The words of a folded text in order; underscores and punctuation divide."""
    return _WORD.findall(folded)


def is_unspaced(word: str) -> bool:
    """Whether a word is of a script that writes no spaces between words."""
    if not word:
        return False
    lowest = min(word)
    return ord(lowest) > UNSPACED


def readable(raw: bytes) -> Iterator[str]:
    """Runs of at least four printable characters in binary, in one and two bytes per character."""
    for run in _RUN.findall(raw):
        yield run.decode("latin-1")
        if not run.isascii():
            yield run.decode("utf-8", "replace")

    if b"\0" in raw:
        shifted = raw[1:] + b"\0"
        for run in _WIDE_RUN.findall(raw):
            yield run.decode("utf-16-le")
        for run in _WIDE_RUN.findall(shifted):
            yield run.decode("utf-16-le")


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Words that identify nobody: of acquisition, of image types, makers and placeholders."""
    acquisition = load_yaml("vocabulary/acquisition.yaml")
    tokens = load_yaml("vocabulary/image_tokens.yaml")
    placeholders = load_yaml("vocabulary/not_identifying.yaml")

    words: set[str] = set()
    for lines in (acquisition["words"], tokens["tokens"], placeholders):
        for line in lines:
            folded = str(line).casefold()
            words.update(folded.split())
    return frozenset(words)


def is_common(text: str) -> bool:
    """Whether every word of a text identifies nobody."""
    words = words_of(fold(text))
    return common_words().issuperset(words)
