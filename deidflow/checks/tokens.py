"""Pieces of a text that may be somebody else's: words, pairs of words, numbers and UIDs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from deidflow.checks.words import DIGEST, common_words, is_unspaced, words_of

TokenKind = Literal["name", "number", "uid", "word"]

LEAST_WORD = 3
LEAST_WHOLE_NAME = 6
"""Letters from which a single word may be a whole name."""
_LEAST_PART = 2
_LEAST_PAIR = 5
_LEAST_NUMBER = 6
_LEAST_DIGITS = 3
_LEAST_UID = 12
_LONGEST_STRETCH = 6

PARTICLES = frozenset(
    ["al", "bin", "da", "de", "del", "den", "der", "di", "dos", "du",
     "el", "la", "le", "ten", "ter", "van", "von", "zu", "zur"]
)  # fmt: skip
"""Words between the names of a person, which mean nobody."""

_NUMBERS = re.compile(r"[^\W_]+(?:[-_./][^\W_]+)*")
_SEPARATORS = re.compile(r"[-_./]")
_DIGITS = re.compile(r"\d{6,}")
_UID = re.compile(r"(?<![\d.])\d+(?:\.\d+){4,}(?![\d.])")


@dataclass(frozen=True)
class Token:
    """A piece of a text that may be somebody's."""

    kind: TokenKind
    text: str


def tokens_in(folded: str) -> Iterator[Token]:
    """Every token of a folded text; one may come several times."""
    words = words_of(folded)
    for word in words:
        if len(word) >= LEAST_WORD:
            yield Token("word", word)
    for word in words:
        if len(word) >= LEAST_WHOLE_NAME:
            yield Token("name", word)

    for first, second in pairwise(words):
        yield from pair_token(first, second)
    for word in words:
        if is_unspaced(word):
            yield from _stretches(word)

    yield from numbers_in(folded)


def numbers_in(folded: str) -> Iterator[Token]:
    """Numbers that stand alone, and UIDs."""
    for match in _NUMBERS.finditer(folded):
        whole = match.group()
        pieces = [whole]
        pieces += _SEPARATORS.split(whole)
        if not DIGEST.fullmatch(whole):
            pieces += _DIGITS.findall(whole)
        for piece in dict.fromkeys(pieces):
            yield from number_token(piece)

    for uid in _UID.findall(folded):
        if len(uid) >= _LEAST_UID:
            yield Token("uid", uid)


def digit_runs(text: str) -> list[str]:
    """Runs of digits that are long enough to mean somebody."""
    return _DIGITS.findall(text)


def pair_token(first: str, second: str) -> Iterator[Token]:
    """Two words side by side in any order, as one token.

    Nothing for initials, particles, or two words of acquisition.
    """
    shorter = min(len(first), len(second))
    if shorter < _LEAST_PART:
        return
    together = first + second
    if len(together) < _LEAST_PAIR or not together.isalpha():
        return

    pair = {first, second}
    if not pair.isdisjoint(PARTICLES):
        return
    if pair <= common_words():
        return
    ordered = sorted((first, second))
    yield Token("name", " ".join(ordered))


def number_token(folded: str) -> Iterator[Token]:
    """A number without separators and leading zeros, if it is long enough to mean somebody."""
    alphanumeric = filter(str.isalnum, folded)
    joined = "".join(alphanumeric)
    significant = joined.lstrip("0")
    if len(significant) < _LEAST_NUMBER:
        return
    digits = sum(map(str.isdigit, significant))
    if digits >= _LEAST_DIGITS:
        yield Token("number", significant)


def _stretches(word: str) -> Iterator[Token]:
    """Stretches of a text without spaces that may be a whole name."""
    for length in range(2, _LONGEST_STRETCH + 1):
        last = len(word) - length
        starts = range(last + 1)
        for start in starts:
            end = start + length
            stretch = word[start:end]
            yield Token("name", stretch)
