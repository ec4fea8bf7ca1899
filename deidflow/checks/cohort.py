"""Everybody else's identifiers as one sorted array of keyed hashes, mapped by every process that searches.

Other people count by what means one person: two parts of a name side by side, a number of six or more
characters that stands alone, a UID. A single word of a name is doubtful and no more. A lookup costs the
same for ten people and for a hundred thousand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deidflow.checks.own import NAMES, NUMBERS
from deidflow.checks.words import common_words, fold, is_common, is_unspaced, spellings, words_of

LEAST_NUMBER = 6
_LEAST_PAIR = 5
_LEAST_WORD = 3
_LEAST_DIGITS = 3
_LEAST_ALONE = 6
_GROUPS = re.compile(r"=")
_COMPONENTS = re.compile(r"\^")
_NUMBERS = re.compile(r"[^\W_]+(?:[-_./][^\W_]+)*")
_DIGITS = re.compile(r"\d{6,}")
_UID = re.compile(r"(?<![\d.])\d+(?:\.\d+){4,}(?![\d.])")
_LEAST_UID = 12
_PARTICLES = frozenset(
    [
        "al",
        "bin",
        "da",
        "de",
        "del",
        "den",
        "der",
        "di",
        "dos",
        "du",
        "el",
        "la",
        "le",
        "ten",
        "ter",
        "van",
        "von",
        "zu",
        "zur",
    ]
)
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Token:
    """Something in a text that may be somebody's, by kind: `name`, `number`, `uid` or `word`."""

    kind: str
    text: str


@dataclass(frozen=True)
class Cohort:
    """Sorted arrays of hashes of what means one person."""

    arrays: tuple[Hashes, ...]
    key: bytes

    @classmethod
    def of(cls, identifiers: Iterable[tuple[str, str]], uids: Iterable[str], key: bytes) -> Cohort:
        """The index of (kind, value) pairs and UIDs of everybody in the batch."""
        tokens = {token for kind, value in identifiers for token in _tokens(kind, value)}
        tokens |= {Token("uid", uid) for uid in uids}
        hashes = np.fromiter((_hash(token, key) for token in tokens), np.uint64, len(tokens))
        hashes.sort()
        return cls((hashes,), key)

    @classmethod
    def open(cls, paths: Iterable[Path], key: bytes) -> Cohort:
        """The index in files that `save` wrote, mapped and not read."""
        return cls(tuple(np.load(path, mmap_mode="r") for path in paths), key)

    def save(self, path: Path) -> None:
        """Write the index, mode 0600, so that it is there completely or not at all."""
        temporary = path.with_name(f".{path.name}.part")
        with temporary.open("wb") as stream:
            np.save(stream, np.concatenate(self.arrays))
        temporary.chmod(0o600)
        temporary.rename(path)

    def known(self, tokens: Sequence[Token]) -> list[Token]:
        """Those of the tokens that are somebody's."""
        wanted = np.fromiter((_hash(token, self.key) for token in tokens), np.uint64, len(tokens))
        hits = np.zeros(len(tokens), bool)
        for hashes in self.arrays:
            if len(hashes):
                places = np.searchsorted(hashes, wanted).clip(max=len(hashes) - 1)
                hits |= hashes[places] == wanted
        return [token for token, hit in zip(tokens, hits, strict=True) if hit]


def _hash(token: Token, key: bytes) -> int:
    data = f"{token.kind}|{token.text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8, key=key[:64]).digest(), "little")


# what a text holds


def tokens_in(folded: str) -> Iterator[Token]:
    """What may be somebody's in a folded text."""
    words = words_of(folded)
    yield from (Token("word", word) for word in words if len(word) >= _LEAST_WORD)
    yield from (Token("name", word) for word in words if len(word) >= _LEAST_ALONE)
    for first, second in pairwise(words):
        yield from _pair(first, second)
    for word in words:
        if is_unspaced(word):
            yield from _stretches(word)
    yield from numbers_in(folded)


def numbers_in(folded: str) -> Iterator[Token]:
    """Numbers that stand alone, and UIDs."""
    for match in _NUMBERS.finditer(folded):
        written = match.group()
        pieces = [written, *re.split(r"[-_./]", written), *_DIGITS.findall(written)]
        for piece in dict.fromkeys(pieces):
            yield from _number(piece)
    yield from (Token("uid", uid) for uid in _UID.findall(folded) if len(uid) >= _LEAST_UID)


def _stretches(word: str) -> Iterator[Token]:
    """Stretches of a text without spaces that may be a whole name."""
    for length in range(2, 7):
        for start in range(len(word) - length + 1):
            yield Token("name", word[start : start + length])


# what a person is


def _tokens(kind: str, value: str) -> Iterator[Token]:
    if is_common(value):
        return
    if kind in NAMES:
        yield from _names(value)
    elif kind in NUMBERS:
        yield from _number(fold(value))
        yield from (Token("number", digits) for digits in _DIGITS.findall(value))


def _names(value: str) -> Iterator[Token]:
    """Pairs of a family name and a given name in each component group, and single words."""
    for group in _GROUPS.split(value):
        for spelled in spellings(group):
            components = [words_of(part) for part in _COMPONENTS.split(spelled)]
            words = [word for component in components for word in component]
            yield from _whole(words)
            yield from _words(words)
            for first, second in _couples(components):
                yield from _pair(first, second)


def _couples(components: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    family, others = components[0], [word for part in components[1:3] for word in part]
    if not others:
        yield from pairwise(family)
    for first in family:
        yield from ((first, other) for other in others)


def _whole(words: Sequence[str]) -> Iterator[Token]:
    """A whole name as one word: joined, or the only word that there is."""
    for joined in {"".join(words), "".join(reversed(words))}:
        unspaced = is_unspaced(joined) and len(joined) >= 2
        if unspaced or len(joined) >= _LEAST_ALONE:
            yield Token("name", joined)


def _words(words: Sequence[str]) -> Iterator[Token]:
    for word in words:
        if len(word) >= _LEAST_WORD and word not in common_words() | _PARTICLES:
            yield Token("word", word)


def _pair(first: str, second: str) -> Iterator[Token]:
    """Two words side by side in any order; not initials, particles, or two words of acquisition."""
    if min(len(first), len(second)) < 2 or len(first + second) < _LEAST_PAIR:
        return
    letters = first.isalpha() and second.isalpha()
    if letters and not {first, second} & _PARTICLES and not {first, second} <= common_words():
        yield Token("name", " ".join(sorted((first, second))))


def _number(folded: str) -> Iterator[Token]:
    """A number without separators and leading zeros, if it is long enough to mean somebody."""
    joined = "".join(letter for letter in folded if letter.isalnum()).lstrip("0")
    digits = sum(map(str.isdigit, joined))
    if len(joined) >= LEAST_NUMBER and digits >= _LEAST_DIGITS:
        yield Token("number", joined)
