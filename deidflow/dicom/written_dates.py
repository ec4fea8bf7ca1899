"""Dates as people write them into attributes that should hold a DA value (PS3.5 section 6.2)."""

from __future__ import annotations

import re
from datetime import date

_DIGITS = re.compile(r"\d{8}(\d{2,6})?")
_GROUPS = re.compile(r"\s*(\d{1,4})\s*[-./,_ ]\s*(\d{1,2})\s*[-./,_ ]\s*(\d{1,4})(?:[t ].*)?\s*")
_WITH_MONTH = re.compile(
    r"\s*(\d{1,2})?(?:st|nd|rd|th)?[-./, ]*"
    r"([a-z]{3})[a-z]*[-./, ]*"
    r"(\d{1,2}(?!\d))?[-./, ]*"
    r"(\d{4})\s*"
)
_MONTH_STARTS = (
    "jan ene gen",
    "feb fev",
    "mar maa mrt mae",
    "apr avr abr",
    "may mai mag mei",
    "jun jui giu",
    "jul lug",
    "aug aou ago",
    "sep set",
    "oct okt ott out",
    "nov",
    "dec dez dic",
)
"""How the months begin in English, German, French, Spanish, Italian, Dutch and Portuguese."""
_MONTHS = {
    start: number for number, starts in enumerate(_MONTH_STARTS, 1) for start in starts.split()
}


def days_meant(text: str) -> frozenset[date]:
    """Every day that a written date can mean: two for 04/05/1960, none for what is not a date."""
    stripped = text.strip().lower()
    digits = stripped.replace(".", "")
    if _DIGITS.fullmatch(digits):
        return _from_digits(digits)

    groups = _GROUPS.fullmatch(stripped)
    if groups is None:
        return _with_month(stripped)
    first, second, third = groups.groups()
    if len(first) == 4:
        return _valid(first, second, third)
    if len(third) == 4:
        return _either(third, first, second)
    return frozenset()


def _from_digits(digits: str) -> frozenset[date]:
    """Year, month, day without separators; else the year last."""
    as_standard = _valid(
        digits[:4],
        digits[4:6],
        digits[6:8],
    )
    if as_standard:
        return as_standard
    return _either(
        digits[4:8],
        digits[:2],
        digits[2:4],
    )


def _with_month(text: str) -> frozenset[date]:
    """A date with the name of the month."""
    match = _WITH_MONTH.fullmatch(text)
    if match is None or match[2] not in _MONTHS:
        return frozenset()
    day = match[1] or match[3]
    month = str(_MONTHS[match[2]])
    if not day:
        return frozenset()
    return _valid(match[4], month, day)


def _either(year: str, first: str, second: str) -> frozenset[date]:
    """Day and month in both orders."""
    month_first = _valid(year, first, second)
    day_first = _valid(year, second, first)
    return month_first | day_first


def _valid(year: str, month: str, day: str) -> frozenset[date]:
    try:
        day_of_year = date(
            int(year),
            int(month),
            int(day),
        )
    except ValueError:
        return frozenset()
    return frozenset((day_of_year,))
