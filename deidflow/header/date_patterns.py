"""A patient's dates as regular expressions for folded text, in every style of writing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from deidflow.dicom.written_dates import days_meant
from deidflow.header.common_words import WORD, is_identifying
from deidflow.header.phrase_patterns import phrase_pattern
from deidflow.header.values import is_placeholder

_MONTHS = (
    "jan ene gen",
    "feb fev",
    "mar maa mrt",
    "apr avr abr",
    "may mai mag mei",
    "jun juin giu",
    "jul juil lug",
    "aug aou ago",
    "sep set",
    "oct okt ott out",
    "nov",
    "dec dez dic",
)
"""How months begin in English, German, French, Spanish, Italian, Dutch and Portuguese, folded."""
_SHORTEST_TEXT = 6
"""Characters of a value that is searched although it is not a date."""
_GAP = r"\s?[-./,_ ]\s?"
_TIME = r"[T_]?\d{4,6}(?:\.\d+)?"
_BETWEEN = r"(?:\s*de\s*|[-., ]*)"


def date_patterns(value: str) -> Iterator[str]:
    """Each day that a value can mean in every style; the value itself if it is not a date."""
    days = days_meant(value)
    for day in days:
        if not is_placeholder(f"{day:%Y%m%d}"):
            yield from _numeric(day)
            yield from _with_month_name(day)
    if days or len(value) < _SHORTEST_TEXT:
        return
    if is_identifying(value) and WORD.search(value):
        yield phrase_pattern(value)


def _numeric(day: date) -> Iterator[str]:
    """A day in numbers, with and without separators."""
    year, short = _years(day)
    month = f"0?{day.month}"
    number = f"0?{day.day}"
    orders = (
        (year, month, number),
        (number, month, year),
        (month, number, year),
    )
    for order in orders:
        yield _alone(_GAP.join(order))

    short_orders = (
        (number, month, short),
        (month, number, short),
        (short, month, number),
    )
    for order in short_orders:
        yield _alone("[-./]".join(order))
    yield _alone(f"{day:%Y%m%d}(?:{_TIME})?")
    styles = ("%d%m%Y", "%m%d%Y", "%y%m%d", "%d%m%y")
    yield _alone("|".join(map(day.strftime, styles)))


def _with_month_name(day: date) -> Iterator[str]:
    year, short = _years(day)
    years = f"(?:{year}|{short})"
    number = f"0?{day.day}"
    beginnings = _MONTHS[day.month - 1].split()
    names = "|".join(beginnings)
    name = f"(?:{names})[a-z]*"
    yield _alone(f"{number}(?:st|nd|rd|th|er)?{_BETWEEN}{name}{_BETWEEN}{years}")
    yield _alone(f"{name}[-. ]?{number}(?:st|nd|rd|th)?[-., ]+{years}")


def _years(day: date) -> tuple[str, str]:
    """The year in four digits and in two."""
    year = f"{day.year:04d}"
    return year, year[-2:]


def _alone(expression: str) -> str:
    """Not inside of a longer number."""
    return rf"(?<!\d)(?:{expression})(?!\d)"
