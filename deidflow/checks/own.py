"""The patient's own identifiers: names by their parts, numbers and dates in every style."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deidflow.checks.kinds import DATES, NAMES, NUMBERS, Identifiers
from deidflow.checks.name_patterns import ANYWHERE, name_patterns
from deidflow.checks.number_patterns import date_patterns, day_of, number_patterns, phrase_pattern
from deidflow.checks.words import DIGEST, is_common

LEAST_IN_BINARY = 5
"""Shorter words occur in any binary value by chance: four letters about once in 10 MB."""
_LEAST = 1

Patterns = tuple[tuple[str, re.Pattern[str]], ...]
"""For each kind of identifier, one pattern for all of them."""


@dataclass(frozen=True)
class OwnIdentifiers:
    """Patterns for folded text, by kind of identifier, and dates as in DA and DT values."""

    patterns: Patterns
    in_binary: Patterns
    days: frozenset[str]

    @classmethod
    def of(cls, identifiers: Identifiers) -> OwnIdentifiers:
        """Patterns for identifiers; values that identify nobody are left out."""
        pairs = list(identifiers)
        days = {day_of(value) for kind, value in pairs if kind in DATES}
        days.discard("")
        return cls(
            patterns=_compiled(pairs, _LEAST),
            in_binary=_compiled(pairs, LEAST_IN_BINARY),
            days=frozenset(days),
        )

    def kinds_in(self, folded: str) -> Iterator[str]:
        """The kinds of identifiers that a folded text holds."""
        for kind, pattern in self.patterns:
            if _is_in(folded, pattern):
                yield kind

    def kinds_in_binary(self, folded: str) -> Iterator[str]:
        """As `kinds_in`, for a readable run in a binary value."""
        for kind, pattern in self.in_binary:
            if _is_in(folded, pattern):
                yield kind


def _is_in(folded: str, pattern: re.Pattern[str]) -> bool:
    """Whether a text holds the pattern; a part of a hexadecimal digest matches by chance."""
    if not pattern.search(folded):
        return False

    digests = [match.span() for match in DIGEST.finditer(folded)]
    found = pattern.finditer(folded)
    return not all(_is_part_of(match.span(), digests) for match in found)


def _is_part_of(span: tuple[int, int], wholes: Iterable[tuple[int, int]]) -> bool:
    """Whether a span lies in one of several longer spans."""
    start, end = span
    return any(first <= start and end <= last and (first, last) != span for first, last in wholes)


def _compiled(pairs: Iterable[tuple[str, str]], shortest: int) -> Patterns:
    by_kind: defaultdict[str, set[str]] = defaultdict(set)
    for kind, value in pairs:
        expressions = _expressions(
            kind,
            value.strip(),
            shortest,
        )
        by_kind[kind].update(expressions)

    patterns = []
    for kind in sorted(by_kind):
        expressions_of_kind = by_kind[kind]
        if expressions_of_kind:
            pattern = _any_of(expressions_of_kind)
            patterns.append((kind, pattern))
    return tuple(patterns)


def _any_of(expressions: Iterable[str]) -> re.Pattern[str]:
    """One pattern for several, the longest first."""
    ordered = sorted(expressions)
    ordered.sort(key=len, reverse=True)
    return re.compile("|".join(ordered))


def _expressions(kind: str, value: str, shortest: int) -> Iterator[str]:
    if kind in DATES:
        yield from date_patterns(value)
    elif is_common(value):
        return
    elif kind in NAMES:
        yield from name_patterns(value, shortest)
    elif kind in NUMBERS:
        yield from number_patterns(value, shortest)
    elif len(value) >= ANYWHERE:
        yield phrase_pattern(value)
