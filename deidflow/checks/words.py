"""Text as the search compares it: folded letters, words, and readable runs in binary values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from deidflow.resources import load_yaml

UNSPACED = 0x2E7F
"""The last code point before the scripts of China, Japan and Korea, which write no spaces."""
_WORD = re.compile(r"[^\W_]+")
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "ħ": "h"})
_LIGATURES = str.maketrans({"æ": "ae", "œ": "oe", "þ": "th", "ς": "σ"})
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_RUN = re.compile(rb"[\x20-\x7e\x80-\xff]{4,}")
_WIDE = re.compile(rb"(?:[\x20-\x7e\xa0-\xff]\0){4,}")


def fold(text: str) -> str:
    """Lower case without diacritics, for comparing."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", bare).casefold().translate(_LIGATURES)


def spellings(text: str) -> set[str]:
    """A name folded, and folded with its umlauts spelled out: `muller` and `mueller`."""
    return {fold(text), fold(text.lower().translate(_SPELLED))}


def in_latin_letters(folded: str) -> str:
    """A pattern of the ways to write a Cyrillic or Greek word in Latin letters; empty for other words."""
    table = _romanisation()
    pieces, position = [], 0
    while position < len(folded):
        letters = next((key for key in _keys() if folded.startswith(key, position)), "")
        if not letters:
            return ""
        pieces.append(table[letters])
        position += len(letters)
    return "".join(pieces)


@lru_cache(maxsize=1)
def _romanisation() -> dict[str, str]:
    """Letters of a script -> a pattern of what is written for them; "-" leaves them out."""
    table: dict[str, str] = {}
    for letters, ways in _rows():
        written = "|".join(re.escape(way) for way in ways if way != "-")
        table[letters] = f"(?:{written}){'?' if '-' in ways else ''}"
    return table


def _rows() -> Iterator[tuple[str, list[str]]]:
    for script in load_yaml("vocabulary/romanisation.yaml").values():
        for letters, ways in script.items():
            yield str(letters), str(ways).split()


@lru_cache(maxsize=1)
def _keys() -> tuple[str, ...]:
    """The letters of the table, groups of several first."""
    return tuple(sorted(_romanisation(), key=lambda letters: (-len(letters), letters)))


def words_of(folded: str) -> list[str]:
    """The words of a folded text in order; underscores and punctuation divide."""
    return _WORD.findall(folded)


def is_unspaced(word: str) -> bool:
    """Whether a word is of a script that writes no spaces between words."""
    return bool(word) and min(map(ord, word)) > UNSPACED


def readable(raw: bytes) -> Iterator[str]:
    """Runs of at least four printable characters in binary, in one and in two bytes a character."""
    for run in _RUN.findall(raw):
        yield run.decode("latin-1")
        if not run.isascii():
            yield run.decode("utf-8", "replace")
    if b"\0" in raw:
        for run in _WIDE.findall(raw):
            yield run.decode("utf-16-le")
        for run in _WIDE.findall(raw[1:] + b"\0"):
            yield run.decode("utf-16-le")


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Words that identify nobody: of acquisition, of image types, makers and placeholders."""
    acquisition = load_yaml("vocabulary/acquisition.yaml")["words"]
    tokens = load_yaml("vocabulary/image_tokens.yaml")["tokens"]
    placeholders = load_yaml("vocabulary/not_identifying.yaml")
    lines = [*acquisition, *tokens, *placeholders]
    return frozenset(word for line in lines for word in str(line).casefold().split())


def is_common(text: str) -> bool:
    """Whether every word of a text identifies nobody."""
    return set(words_of(fold(text))) <= common_words()
