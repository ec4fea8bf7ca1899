"""The patient's own identifiers: names by their parts, numbers however written, dates in every style."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations

from deidflow.checks.words import fold, in_latin_letters, is_common, is_unspaced, spellings
from deidflow.resources import placeholder_dates

NAMES = frozenset(("name", "staff"))
NUMBERS = frozenset(("id", "number"))
DATES = frozenset(("birth", "date"))
ANYWHERE = 6
"""Letters from which a name counts inside of longer words too."""
LEAST_IN_BINARY = 5
"""Shorter words stand in any binary value by chance: four letters about once in 10 MB."""
_LEAST_WORD = 3
_LEAST_FOREIGN = 2
_SHORT_NUMBER = 5
_LEAST_DATE_DIGITS = 6
_PARTS = re.compile(r"[\^=,\s\\]+")
_SUBPARTS = re.compile(r"[\-'’`´.]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BEFORE, _BEHIND = r"(?<![^\W\d_])", r"(?![^\W\d_])"
_BETWEEN = r"[\s\^_,.\-]*"
_GAP = r"[\s\-_./]?"


@dataclass(frozen=True)
class OwnIdentifiers:
    """Patterns for folded text, by kind of identifier, and dates as they are in DA and DT values."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    in_binary: tuple[tuple[str, re.Pattern[str]], ...]
    days: frozenset[str]

    @classmethod
    def of(cls, identifiers: Iterable[tuple[str, str]]) -> OwnIdentifiers:
        """Patterns for (kind, value) pairs; values that identify nobody are left out."""
        everywhere: dict[str, set[str]] = {}
        longer: dict[str, set[str]] = {}
        days: set[str] = set()
        for kind, value in identifiers:
            everywhere.setdefault(kind, set()).update(_expressions(kind, value.strip(), 1))
            longer.setdefault(kind, set()).update(
                _expressions(kind, value.strip(), LEAST_IN_BINARY)
            )
            if kind in DATES:
                days |= _day(value)
        return cls(_compiled(everywhere), _compiled(longer), frozenset(days))

    def kinds_in(self, folded: str) -> Iterator[str]:
        """The kinds of identifiers that a folded text holds."""
        return (kind for kind, pattern in self.patterns if pattern.search(folded))

    def kinds_in_binary(self, folded: str) -> Iterator[str]:
        """As `kinds_in`, for a readable run in a binary value."""
        return (kind for kind, pattern in self.in_binary if pattern.search(folded))


def _compiled(bodies: dict[str, set[str]]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    rows = []
    for kind, expressions in sorted(bodies.items()):
        if expressions:
            ordered = sorted(expressions, key=lambda body: (-len(body), body))
            rows.append((kind, re.compile("|".join(ordered))))
    return tuple(rows)


def _expressions(kind: str, value: str, shortest: int) -> Iterator[str]:
    if kind in DATES:
        yield from _date_styles(value)
        yield from _unread_date(value)
    elif is_common(value):
        return
    elif kind in NAMES:
        yield from _name_styles(value, shortest)
    elif kind in NUMBERS:
        yield from _number_styles(value, shortest)
    elif len(value) >= ANYWHERE:
        yield _phrase(value)


def _unread_date(value: str) -> Iterator[str]:
    """A date that is not a DA value identifies as it is written."""
    if (
        sum(map(str.isdigit, value)) >= _LEAST_DATE_DIGITS
        and not _day(value)
        and not value.isdigit()
    ):
        yield _phrase(value)


# names


def _name_styles(value: str, shortest: int) -> Iterator[str]:
    whole = [part for part in _PARTS.split(value) if any(map(str.isalpha, part))]
    pieces = [piece for part in whole for piece in _SUBPARTS.split(part) if piece]
    for part in dict.fromkeys((*whole, *pieces)):
        yield from _part_styles(part, shortest)
    camel = [piece for part in pieces for piece in _CAMEL.split(part)]
    for first, second in permutations(dict.fromkeys((*pieces[:5], *camel[:5])), 2):
        yield from _pair_styles(first, second, shortest)


def _part_styles(part: str, shortest: int) -> Iterator[str]:
    if is_common(part):
        return
    if (romanised := in_latin_letters(fold(part))) and len(part) >= max(_LEAST_WORD, shortest):
        yield f"{_BEFORE}{romanised}{_BEHIND}"
    for spelled in spellings(part):
        letters = _SUBPARTS.sub("", spelled)
        if len(letters) < max(_least(letters), shortest):
            continue
        body = r"[\-'’`´. ]?".join(map(re.escape, _SUBPARTS.split(spelled)))
        if is_unspaced(letters) or len(letters) >= ANYWHERE:
            yield body
        else:
            yield f"{_BEFORE}{body}{_BEHIND}"


def _least(letters: str) -> int:
    return _LEAST_WORD if letters.isascii() else _LEAST_FOREIGN


def _pair_styles(first: str, second: str, shortest: int) -> Iterator[str]:
    """Two parts side by side mean somebody however short they are, but not two initials."""
    if min(len(first), len(second)) < 2 - is_unspaced(first + second):
        return
    if is_common(f"{first} {second}") or len(first + second) < max(4, shortest):
        return
    for one in spellings(first):
        for other in spellings(second):
            body = re.escape(one) + _BETWEEN + re.escape(other)
            long = is_unspaced(one + other) or len(one + other) > ANYWHERE
            yield body if long else f"{_BEFORE}{body}{_BEHIND}"


# numbers, phrases, dates


def _number_styles(value: str, shortest: int) -> Iterator[str]:
    letters = [letter for letter in fold(value) if letter.isalnum()]
    if len(letters) < max(_LEAST_WORD, shortest):
        return
    numeric = all(map(str.isdigit, letters))
    before, behind = (r"(?<!\d)", r"(?!\d)") if numeric else (r"(?<![^\W_])", r"(?![^\W_])")
    significant = letters[_leading_zeros(letters) :]
    if len(significant) < _SHORT_NUMBER:
        for style in {fold(value), "".join(letters)}:
            yield f"{before}{re.escape(style)}{behind}"
        return
    yield f"{before}(?:0{_GAP})*{_GAP.join(map(re.escape, significant))}{behind}"


def _leading_zeros(letters: list[str]) -> int:
    zeros = 0
    while zeros < len(letters) - 1 and letters[zeros] == "0":
        zeros += 1
    return zeros


def _phrase(value: str) -> str:
    return r"[\s\^_,]+".join(map(re.escape, re.split(r"[\s\^_,]+", fold(value))))


def _day(value: str) -> set[str]:
    """A date as a DA value holds it; empty for a placeholder or what is not a date."""
    digits = value.strip().replace(".", "")
    is_date = len(digits) == 8 and digits.isdigit() and _is_in_calendar(digits)
    if not is_date or digits.startswith("1900") or digits in placeholder_dates():
        return set()
    return {digits}


def _is_in_calendar(digits: str) -> bool:
    return 1 <= int(digits[4:6]) <= 12 and 1 <= int(digits[6:]) <= 31


def _date_styles(value: str) -> Iterator[str]:
    for digits in _day(value):
        year, month, day = digits[:4], digits[4:6], digits[6:]
        month, day = f"0?{int(month)}", f"0?{int(day)}"
        for order in ((year, month, day), (day, month, year), (month, day, year)):
            yield rf"(?<!\d){r'[-./,_ ]'.join(order)}(?!\d)"
        yield rf"(?<!\d){digits}(?!\d)"
        yield rf"(?<!\d){digits[6:]}{digits[4:6]}{digits[:4]}(?!\d)"
