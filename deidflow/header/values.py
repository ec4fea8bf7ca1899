"""Values parsed by VR and written back legally; what cannot be parsed is None."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from deidflow.resources import placeholder_dates

_TIME = re.compile(r"(\d{2})(?::?(\d{2}))?(?::?(\d{2}))?(?:\.(\d{1,6}))?")
_DATETIME = re.compile(r"(\d{8})(\d{2})?(\d{2})?(\d{2})?(\.\d{1,6})?([+-]\d{4})?")
_ZONE = re.compile(r"([+-])(\d{2})(\d{2})")
_FINEST_BIN = 1000
"""A step of bins is made finer for small numbers, but not beyond this part of it."""
_DUMMIES: dict[str, str | int | float | bytes] = {
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "AS": "000Y",
    "DS": "0",
    "IS": "0",
    "CS": "REMOVED",
    "AE": "REMOVED",
    "UR": "removed:",
    "US": 0,
    "SS": 0,
    "UL": 0,
    "SL": 0,
    "FL": 0.0,
    "FD": 0.0,
    "OB": b"\0\0",
    "OW": b"\0\0",
    "UN": b"",
}


def dummy(vr: str) -> str | int | float | bytes:
    """A legal value that says nothing, for attributes that may not be empty."""
    return _DUMMIES.get(vr, "REMOVED")


def parse_date(text: str) -> date | None:
    """A DA value (PS3.5 section 6.2), also in the old form with dots; None for other text."""
    digits = text.strip().replace(".", "")
    if len(digits) != 8 or not digits.isdecimal():
        return None
    year = int(digits[:4])
    month = int(digits[4:6])
    day = int(digits[6:])
    try:
        return date(year, month, day)
    except ValueError:
        return None


def parse_time(text: str) -> timedelta | None:
    """A TM value (PS3.5 section 6.2) as the time since midnight; None for other text."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        return None
    hours = int(match[1])
    minutes = int(match[2] or 0)
    seconds = int(match[3] or 0)
    if hours > 23 or minutes > 59 or seconds > 60:
        return None

    fraction = (match[4] or "").ljust(6, "0")
    return timedelta(
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        microseconds=int(fraction),
    )


def is_placeholder(text: str) -> bool:
    """Whether a DA value is a constant that means that there is no date."""
    day = parse_date(text)
    return day is not None and format_date(day) in placeholder_dates()


def shift_date(text: str, days: int) -> str | None:
    """A DA value moved by whole days; a placeholder stays as it is."""
    day = parse_date(text)
    if day is None:
        return None
    if is_placeholder(text):
        return format_date(day)
    try:
        return format_date(day + timedelta(days=days))
    except OverflowError:
        return None


def shift_datetime(text: str, days: int, zone: timedelta | None = None) -> str | None:
    """A DT value moved by whole days; time and fraction stay.

    Its offset from UTC stays too unless the header's `zone` is known: then the value becomes
    local time like all other times of the header, whose TimezoneOffsetFromUTC is removed.
    """
    match = _DATETIME.fullmatch(text.strip())
    if match is None:
        return None
    offset = parse_zone(match[6] or "")
    if offset is None or zone is None or is_placeholder(match[1]):
        moved = shift_date(match[1], days)
        return moved + text.strip()[8:] if moved else None

    local = _in_zone(match, zone)
    if local is None:
        return None
    moved = shift_date(format_date(local), days)
    return moved + format_time(local, _time_text(match)) if moved else None


def local_datetime(text: str, zone: timedelta | None) -> datetime | None:
    """A DT value as local time of a zone, with its fraction; None for other text."""
    match = _DATETIME.fullmatch(text.strip())
    return _in_zone(match, zone) if match else None


def _in_zone(match: re.Match[str], zone: timedelta | None) -> datetime | None:
    """A DT value as local time of a zone; as it is if one of the zones is not known."""
    moment = to_datetime(match[1], _time_text(match))
    offset = parse_zone(match[6] or "")
    if moment is None or offset is None or zone is None:
        return moment
    return moment + zone - offset


def _time_text(match: re.Match[str]) -> str:
    """The time of a DT value as a TM value."""
    parts = match.groups("")[1:5]
    return "".join(parts)


def split_datetime(text: str) -> tuple[str, str]:
    """Date and time of a DT value without its offset from UTC; empty for other text."""
    match = _DATETIME.fullmatch(text.strip())
    return (match[1], _time_text(match)) if match else ("", "")


def parse_zone(text: str) -> timedelta | None:
    """An offset from UTC as in TimezoneOffsetFromUTC and DT values, `+0100` (PS3.5 section 6.2)."""
    match = _ZONE.fullmatch(text.strip())
    if match is None:
        return None
    hours = int(match[2])
    minutes = int(match[3])
    if hours > 14 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if match[1] == "-" else offset


def to_datetime(day: str, time: str) -> datetime | None:
    """A DA and a TM value as one moment; midnight if the time is missing."""
    parsed = parse_date(day)
    since_midnight = parse_time(time) if time.strip() else timedelta()
    if parsed is None or since_midnight is None:
        return None
    midnight = datetime(
        parsed.year,
        parsed.month,
        parsed.day,
    )
    return midnight + since_midnight


def format_date(moment: date) -> str:
    """A DA value."""
    return f"{moment.year:04d}{moment.month:02d}{moment.day:02d}"


def format_time(moment: datetime, like: str) -> str:
    """A TM value as precise as `like`, with at least its digits of fraction."""
    whole, _, fraction_like = like.strip().replace(":", "").partition(".")
    text = f"{moment.hour:02d}{moment.minute:02d}{moment.second:02d}"
    if len(whole) in (2, 4):
        return text[: len(whole)]

    digits = len(fraction_like)
    fraction = f"{moment.microsecond:06d}"
    rest = fraction[digits:].strip("0")
    if rest:
        digits = 6
    return f"{text}.{fraction[:digits]}" if digits else text


def floor_to(text: str, step: Decimal) -> str | None:
    """A DS or IS value floored to a multiple of `step`; None for other text.

    Below two steps a tenth of the step is used, and so on: 3.7 in steps of 5 is 3.5, not 0.
    """
    try:
        value = Decimal(text.strip())
        floored = _floored(value, step)
    except (InvalidOperation, ArithmeticError):
        return None
    whole = floored.to_integral_value()
    shown = whole if whole == floored else floored.normalize()
    return format(shown, "f")


def _floored(value: Decimal, step: Decimal) -> Decimal:
    finest = step / _FINEST_BIN
    while abs(value) < 2 * step and step > finest:
        step /= 10
    return (value // step) * step


def is_number(value: object) -> bool:
    """Whether a decoded value is a number, or text that is one."""
    if isinstance(value, (int, float)):
        return True
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return False
    return number.is_finite()
