"""Patterns for the numbers and dates of a patient, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deidflow.checks.words import fold
from deidflow.resources import placeholder_dates

_LEAST_NUMBER = 3
_SHORT_NUMBER = 5
"""Fewer characters may be separated only as they are in the header."""
_LEAST_DATE_DIGITS = 6
_DATE_LENGTH = 8
_NO_YEAR = "1900"
_GAP = r"[\s\-_./]?"
_DATE_SEPARATOR = r"[-./,_ ]"
_PHRASE_GAP = r"[\s\^_,]+"


def number_patterns(value: str, shortest: int) -> Iterator[str]:
    """Patterns for a number of at least `shortest` letters and digits."""
    folded = fold(value)
    alphanumeric = filter(str.isalnum, folded)
    characters = "".join(alphanumeric)
    least = max(_LEAST_NUMBER, shortest)
    if len(characters) < least:
        return

    numeric = characters.isdigit()
    significant = _without_leading_zeros(characters)
    if len(significant) < _SHORT_NUMBER:
        for written in {folded, characters}:
            escaped = re.escape(written)
            yield number_alone(escaped, numeric)
        return

    escaped_digits = map(re.escape, significant)
    digits = _GAP.join(escaped_digits)
    zeros = f"(?:0{_GAP})*"
    yield number_alone(zeros + digits, numeric)


def number_alone(pattern: str, numeric: bool) -> str:
    """The pattern with no digit before or after it, nor a letter if it holds letters itself."""
    if numeric:
        return rf"(?<!\d){pattern}(?!\d)"
    return rf"(?<![^\W_]){pattern}(?![^\W_])"


def _without_leading_zeros(characters: str) -> str:
    """The characters from the first that is not zero; the last one always counts."""
    last = characters[-1]
    significant = characters[:-1].lstrip("0")
    return significant + last


def phrase_pattern(value: str) -> str:
    """A pattern for a text with any spaces between its words."""
    words = re.split(_PHRASE_GAP, fold(value))
    escaped = map(re.escape, words)
    return _PHRASE_GAP.join(escaped)


def date_patterns(value: str) -> Iterator[str]:
    """Patterns for a date: in every order if it is a DA value, else as it is written."""
    day = day_of(value)
    if day:
        yield from _date_styles(day)
        return

    text = value.strip()
    digits = sum(map(str.isdigit, text))
    if digits >= _LEAST_DATE_DIGITS and not text.isdigit():
        yield phrase_pattern(text)


def day_of(value: str) -> str:
    """A date as a DA value holds it; empty for a placeholder or what is not a date."""
    digits = value.strip().replace(".", "")
    if len(digits) != _DATE_LENGTH or not digits.isdecimal():
        return ""
    if not _is_in_calendar(digits):
        return ""
    if digits.startswith(_NO_YEAR) or digits in placeholder_dates():
        return ""
    return digits


def _is_in_calendar(digits: str) -> bool:
    month = int(digits[4:6])
    if month < 1 or month > 12:
        return False
    day = int(digits[6:])
    return 1 <= day <= 31


def _date_styles(digits: str) -> Iterator[str]:
    year = digits[:4]
    month = digits[4:6]
    day = digits[6:]
    short_month = f"0?{int(month)}"
    short_day = f"0?{int(day)}"

    orders = (
        (year, short_month, short_day),
        (short_day, short_month, year),
        (short_month, short_day, year),
    )
    for parts in orders:
        separated = _DATE_SEPARATOR.join(parts)
        yield number_alone(separated, numeric=True)
    yield number_alone(digits, numeric=True)
    yield number_alone(f"{day}{month}{year}", numeric=True)
