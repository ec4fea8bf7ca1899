"""Patterns for the names of a patient: each part, and two parts side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import permutations

from deidflow.checks.number_patterns import number_alone
from deidflow.checks.words import fold, in_latin_letters, is_common, is_unspaced, spellings

ANYWHERE = 6
"""Letters from which a name counts inside longer words too."""
LEAST_WORD = 3
_LEAST_FOREIGN = 2
_LEAST_PAIR = 4
_MOST_PAIRED = 5
"""Parts of a name that are paired with each other."""

_PARTS = re.compile(r"[\^=,\s\\]+")
_SUBPARTS = re.compile(r"[\-'’`´.]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WITHIN_PART = r"[\-'’`´. ]?"
_BETWEEN_PARTS = r"[\s\^_,.\-]*"


def name_patterns(value: str, shortest: int) -> Iterator[str]:
    """Patterns for a PN value, each of at least `shortest` letters."""
    parts = _PARTS.split(value)
    whole = [part for part in parts if _has_letter(part)]
    pieces = _split_all(_SUBPARTS, whole)
    camel = _split_all(_CAMEL, pieces)

    for part in {*whole, *pieces}:
        yield from _part_patterns(part, shortest)

    paired = {
        *pieces[:_MOST_PAIRED],
        *camel[:_MOST_PAIRED],
    }
    for first, second in permutations(paired, 2):
        yield from _pair_patterns(
            first,
            second,
            shortest,
        )


def _has_letter(text: str) -> bool:
    return any(map(str.isalpha, text))


def _split_all(separator: re.Pattern[str], texts: Iterable[str]) -> list[str]:
    pieces: list[str] = []
    for text in texts:
        pieces += filter(None, separator.split(text))
    return pieces


def _part_patterns(part: str, shortest: int) -> Iterator[str]:
    if is_common(part):
        return

    romanised = in_latin_letters(fold(part))
    if romanised and len(part) >= max(LEAST_WORD, shortest):
        yield _alone(romanised)
    for spelled in spellings(part):
        yield from _spelled_pattern(spelled, shortest)


def _spelled_pattern(spelled: str, shortest: int) -> Iterator[str]:
    letters = _SUBPARTS.sub("", spelled)
    least = max(_least(letters), shortest)
    if len(letters) < least:
        return

    pieces = _SUBPARTS.split(spelled)
    escaped = map(re.escape, pieces)
    pattern = _WITHIN_PART.join(escaped)
    if letters.isdigit():
        yield number_alone(pattern, numeric=True)
    elif is_unspaced(letters) or len(letters) >= ANYWHERE:
        yield pattern
    else:
        yield _alone(pattern)


def _least(letters: str) -> int:
    return LEAST_WORD if letters.isascii() else _LEAST_FOREIGN


def _alone(pattern: str) -> str:
    """The pattern with no letter before or after it."""
    return rf"(?<![^\W\d_]){pattern}(?![^\W\d_])"


def _pair_patterns(first: str, second: str, shortest: int) -> Iterator[str]:
    """Two parts side by side mean somebody however short they are, but not two initials."""
    joined = first + second
    least_part = 1 if is_unspaced(joined) else 2
    if min(len(first), len(second)) < least_part:
        return
    if len(joined) < max(_LEAST_PAIR, shortest):
        return
    if is_common(f"{first} {second}"):
        return

    for first_spelled in spellings(first):
        for second_spelled in spellings(second):
            yield _pair_pattern(first_spelled, second_spelled)


def _pair_pattern(first: str, second: str) -> str:
    escaped = map(re.escape, (first, second))
    pattern = _BETWEEN_PARTS.join(escaped)
    joined = first + second
    if is_unspaced(joined):
        return pattern
    if len(joined) > ANYWHERE:
        return pattern
    return _alone(pattern)
