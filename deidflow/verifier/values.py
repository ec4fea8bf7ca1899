"""Values of an element as text, and whether one says as little as it should."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from deidflow.checks.elements import Element
from deidflow.resources import placeholder_dates

_ZERO_TIME = re.compile(r"[0.:]*")
_AGE = re.compile(r"(\d{3})([DWMY])")
_OLDEST = 90


def day_of(value: str) -> date | None:
    """The day of a DA or DT value; None for a placeholder or what is not a day."""
    text = value.strip()
    is_old_style = text[4:5] == "."
    if is_old_style:
        text = text.replace(
            ".",
            "",
            2,
        )
    digits = text[:8]
    if len(digits) != 8 or not digits.isdecimal() or digits in placeholder_dates():
        return None

    year, month, day = digits[:4], digits[4:6], digits[6:]
    try:
        return date(
            int(year),
            int(month),
            int(day),
        )
    except ValueError:
        return None


def values_of(element: Element) -> list[str]:
    """The values of a text element without padding; empty ones are left out."""
    text = element.raw.rstrip(b"\0 ").decode("latin-1")
    texts = text.split("\\")
    return [text.strip() for text in texts if text.strip()]


def is_placeholder_moment(vr: bytes, value: str) -> bool:
    """Whether a DA, TM or DT value is a constant that stands for no moment."""
    if vr == b"TM":
        return _ZERO_TIME.fullmatch(value) is not None
    if value[:8] not in placeholder_dates():
        return False
    return _ZERO_TIME.fullmatch(value[8:].partition("+")[0]) is not None


def is_on_grid(value: str, step: Decimal) -> bool:
    """Whether a number is on its step, or below two steps on a tenth of it."""
    try:
        number = Decimal(value)
        width = step if number >= 2 * step else step / 10
        return number % width == 0
    except InvalidOperation:
        return False


def is_general_age(value: str, binned: bool) -> bool:
    """Whether an AS value singles nobody out: at most 90 years, with `binned` in steps of five."""
    match = _AGE.fullmatch(value)
    if match is None:
        return False
    years = int(match[1]) if match[2] == "Y" else 0
    if years > _OLDEST:
        return False
    return not binned or years % 5 == 0 or years < 5
