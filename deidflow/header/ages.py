"""Ages (VR AS): computed from dates, limited to 90 years, and binned."""

from __future__ import annotations

import re
from datetime import date

from deidflow.header.values import is_placeholder, parse_date

_AGE = re.compile(r"(\d{1,3})([DWMY])")
_DAYS_PER_MONTH = 30.4375
_DAYS = {"D": 1.0, "W": 7.0, "M": _DAYS_PER_MONTH, "Y": 365.25}
"""Mean number of days per unit of an AS value."""
_UCUM = {"d": "D", "wk": "W", "mo": "M", "a": "Y"}
"""Units of an age that is a number -> those of an AS value."""
_MOST_AS = 999
"""The largest number of an AS value."""
_OLDEST_TOLD = 89
"""Years; all older people are said to be 90 (45 CFR 164.514)."""
_BIN = 5
"""Years."""


def age_from(birth: str, study: str) -> str | None:
    """The age at the study as an AS value, from two DA values; None if they do not tell it."""
    if is_placeholder(birth) or is_placeholder(study):
        return None
    born, day = parse_date(birth), parse_date(study)
    if born is None or day is None or day < born:
        return None

    months = _whole_months(born, day)
    if months < 1:
        days = (day - born).days
        return f"{days:03d}D"
    if months < 24:
        return f"{months:03d}M"
    return f"{months // 12:03d}Y"


def _whole_months(born: date, day: date) -> int:
    months = (day.year - born.year) * 12
    months += day.month - born.month
    return months - 1 if day.day < born.day else months


def parse_age(text: str) -> tuple[int, str] | None:
    """Number and unit of an AS value (PS3.5 section 6.2); None for other text."""
    match = _AGE.fullmatch(text.strip())
    return (int(match[1]), match[2]) if match else None


def limit_age(text: str, *, binned: bool) -> str | None:
    """An AS value with 090Y for all above 89 years; None for other text.

    `binned`: in steps of five years, finer for young children, so that no age becomes 0.
    """
    age = parse_age(text)
    if age is None:
        return None
    number, unit = age
    if not number:
        return f"000{unit}"

    days = number * _DAYS[unit]
    years = number if unit == "Y" else int(days / _DAYS["Y"])
    if years > _OLDEST_TOLD:
        return "090Y"
    if not binned:
        return f"{number:03d}{unit}"
    if years < _BIN:
        return _young_age(days)
    binned_years = years - years % _BIN
    return f"{binned_years:03d}Y"


def _young_age(days: float) -> str:
    """An age under five years: years from two on, half years, then months, then weeks."""
    months = int(days / _DAYS_PER_MONTH + 1e-9)
    if months >= 24:
        return f"{months // 12:03d}Y"
    if months >= 6:
        return f"{months // 6 * 6:03d}M"
    if months:
        return f"{months:03d}M"
    weeks = max(int(days) // 7, 1)
    return f"{weeks:03d}W"


def is_unit(unit: str) -> bool:
    """Whether a UCUM unit is one of ages."""
    return unit in _UCUM


def limit_number(number: str, unit: str, *, binned: bool) -> str | None:
    """An age in a UCUM unit, limited as `limit_age` does; None if number or unit is not known."""
    letter = _UCUM.get(unit)
    if letter is None:
        return None
    days = float(number) * _DAYS[letter]
    years = days / _DAYS["Y"]
    if not 0 <= years < _MOST_AS:
        return None
    if not binned and years < _OLDEST_TOLD + 1:
        return number.strip()

    whole = int(float(number))
    is_short = whole <= _MOST_AS
    limited = limit_age(f"{whole:03d}{letter}" if is_short else f"{int(years):03d}Y", binned=binned)
    limited_number, limited_unit = parse_age(limited or "") or (0, "D")
    return str(int(limited_number * _DAYS[limited_unit] / _DAYS[letter] + 1e-9))
