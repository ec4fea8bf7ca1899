"""A patient's own identifiers as regular expressions, by kind of identifier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deidflow.dicom.attributes import DATES, NAMES, NUMBERS
from deidflow.header.common_words import is_identifying
from deidflow.header.date_patterns import date_patterns
from deidflow.header.name_patterns import name_patterns
from deidflow.header.number_patterns import number_patterns
from deidflow.header.phrase_patterns import phrase_pattern


def expressions(identifiers: Iterable[tuple[str, str]], *, shortest: int = 1) -> list[str]:
    """Regular expressions for folded text from (kind, value) pairs, the longest first.

    Names and numbers of fewer than `shortest` letters are left out; each letter of a script without
    spaces counts twice.
    """
    patterns: set[str] = set()
    for kind, value in identifiers:
        patterns.update(_patterns(kind, value.strip(), shortest))
    return sorted(patterns, key=_longest_first)


def _longest_first(pattern: str) -> tuple[int, str]:
    return -len(pattern), pattern


def _patterns(kind: str, value: str, shortest: int) -> Iterator[str]:
    if kind in DATES:
        yield from date_patterns(value)
    elif kind in NUMBERS:
        yield from number_patterns(value, shortest)
    elif kind in NAMES:
        yield from name_patterns(value, shortest)
    elif is_identifying(value):
        yield phrase_pattern(value)
