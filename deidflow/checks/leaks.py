"""The search for leaks: one multi-pattern pass over every byte, also inside gzip, and over text values."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import ahocorasick_rs

from deidflow.checks.patterns import NAMES, Patterns, text_words
from deidflow.checks.reader import text_values

_BLOCK = 8 << 20
_UNSPACED = 0x2E7F
"""The last code point before the scripts of China, Japan and Korea."""


class LeakSearch:
    """Searches files for patterns; counts findings by kind and never keeps what it found."""

    def __init__(self, patterns: Patterns) -> None:
        self._patterns = patterns
        self._needles = list(patterns.everywhere)
        self._kinds = [patterns.everywhere[needle] for needle in self._needles]
        lowered = [needle.lower() for needle in self._needles]
        self._automaton = ahocorasick_rs.BytesAhoCorasick(lowered) if lowered else None
        self._longest = max((len(needle) for needle in lowered), default=1)

    def file(self, path: Path, name: str) -> Counter[str]:
        """Findings in one file: its released name, its bytes, and its text values."""
        found = self.bytes_of(name.encode())
        for block in _blocks(path, self._longest):
            found += self.bytes_of(block)
        return found + self._text(path)

    def bytes_of(self, block: bytes) -> Counter[str]:
        """Findings in a block of bytes; numbers count only where they stand alone."""
        if self._automaton is None:
            return Counter()
        found: Counter[str] = Counter()
        lowered = block.lower()
        for index, start, end in self._automaton.find_matches_as_indexes(lowered, overlapping=True):
            if self._kinds[index] in NAMES or _alone(lowered, start, end, self._kinds[index]):
                found[self._kinds[index]] += 1
        return found

    def _text(self, path: Path) -> Counter[str]:
        words = text_words(text_values(path)) if self._patterns.in_text else set()
        dated = text_words(text_values(path, dates=True)) if self._patterns.dates else set()
        found = Counter(kind for word, kind in self._patterns.in_text.items() if _stands_in(word, words))
        found["date"] += len(self._patterns.dates & dated)
        return +found


def _stands_in(word: str, words: set[str]) -> bool:
    """Whether a word is among the words of a text; scripts without spaces have no words, so anywhere in it."""
    return word in words or (min(map(ord, word)) > _UNSPACED and any(word in text for text in words))


def _alone(block: bytes, start: int, end: int, kind: str) -> bool:
    """Whether the match is not part of a longer number, word or UID."""
    around = block[start - 1 : start] + block[end : end + 1]
    if kind == "uid":
        return not any(chr(byte).isdigit() or byte == 0x2E for byte in around)
    return not any(chr(byte).isalnum() for byte in around if byte < 128)


def _blocks(path: Path, overlap: int) -> Iterator[bytes]:
    """The content of a file in blocks that overlap, so that nothing hides on a border."""
    tail = b""
    with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw as stream:
        while block := stream.read(_BLOCK):
            yield tail + block
            tail = block[-overlap:]
