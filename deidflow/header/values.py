"""Values parsed by VR and written back legally; what cannot be parsed is None."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

_PLACEHOLDERS = frozenset(
    (
        *(date(1900, 1, 1), date(1800, 1, 1), date(1, 1, 1), date(1858, 11, 17), date(1970, 1, 1), date(9999, 12, 31)),
        *(date(1899, 12, 30), date(1899, 12, 31), date(1601, 1, 1), date(1904, 1, 1), date(1753, 1, 1), date(1, 1, 2)),
    )
)
"""Constant dates that stand for no date; moving one would give the offset away."""

_TIME = re.compile(r"(\d{2})(?::?(\d{2}))?(?::?(\d{2}))?(?:\.(\d{1,6}))?")
_DATETIME = re.compile(r"(\d{8})(\d{2})?(\d{2})?(\d{2})?(\.\d{1,6})?([+-]\d{4})?")
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_EPOCH = datetime(1900, 1, 1)
_DUMMIES: dict[str, str | int | float | bytes] = {
    "DA": "19000101", "DT": "19000101000000", "TM": "000000", "AS": "000Y", "DS": "0", "IS": "0", "CS": "REMOVED",
    "AE": "REMOVED", "UR": "removed:", "US": 0, "SS": 0, "UL": 0, "SL": 0, "FL": 0.0, "FD": 0.0, "OB": b"\0\0",
    "OW": b"\0\0", "UN": b"",
}  # fmt: skip


def dummy(vr: str) -> str | int | float | bytes:
    """A legal value that says nothing, for attributes that may not be empty."""
    return _DUMMIES.get(vr, "REMOVED")


def parse_date(text: str) -> date | None:
    """A DA value (PS3.5 section 6.2), also in the old form with dots; None where it is no date."""
    digits = text.strip().replace(".", "")
    if len(digits) != 8 or not digits.isdigit():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def parse_time(text: str) -> timedelta | None:
    """A TM value (PS3.5 section 6.2) as the time since midnight."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    fraction = int((match[4] or "").ljust(6, "0") or 0)
    return timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=fraction)


def is_placeholder(text: str) -> bool:
    """Whether a DA value is a constant that stands for no date."""
    return parse_date(text) in _PLACEHOLDERS


def shift_date(text: str, days: int) -> str | None:
    """A DA value moved by whole days; a placeholder stays as it is."""
    day = parse_date(text)
    if day in _PLACEHOLDERS:
        return format_date(day)
    try:
        return format_date(day + timedelta(days=days)) if day else None
    except OverflowError:
        return None


def shift_datetime(text: str, days: int) -> str | None:
    """A DT value moved by whole days; time, fraction and zone stay."""
    match = _DATETIME.fullmatch(text.strip())
    moved = shift_date(match[1], days) if match else None
    return moved + text.strip()[8:] if moved else None


def to_datetime(day: str, time: str) -> datetime | None:
    """A DA and a TM value as one moment; midnight where the time is missing."""
    parsed = parse_date(day)
    since_midnight = parse_time(time) if time.strip() else timedelta()
    if parsed is None or since_midnight is None:
        return None
    return datetime(parsed.year, parsed.month, parsed.day) + since_midnight


def on_clock(moment: datetime, origin: datetime) -> datetime:
    """The moment on the study clock, on which `origin` is 1900-01-01 00:00:00."""
    return _EPOCH + (moment - origin)


def format_date(moment: date) -> str:
    """A DA value."""
    return f"{moment.year:04d}{moment.month:02d}{moment.day:02d}"


def format_time(moment: datetime, like: str) -> str:
    """A TM value with as many digits of fraction as `like` has, or more where the moment needs them."""
    text = f"{moment.hour:02d}{moment.minute:02d}{moment.second:02d}"
    digits, fraction = len(like.strip().partition(".")[2]), f"{moment.microsecond:06d}"
    if int(fraction[digits:] or 0):
        digits = 6
    return f"{text}.{fraction[:digits]}" if digits else text


def clock_time(text: str, origin: datetime) -> str | None:
    """A TM value without its date on the study clock; hours wrap at midnight.

    Midnight itself stays: it stands for no time, and moved it would give the time of the study away.
    """
    since_midnight = parse_time(text)
    if since_midnight is None:
        return None
    if not since_midnight:
        return format_time(_EPOCH, text)
    midnight = datetime(origin.year, origin.month, origin.day)
    return format_time(on_clock(midnight + since_midnight, origin), text)


def clock_datetime(text: str, origin: datetime) -> str | None:
    """A DT value on the study clock; a zone is dropped, since all values of a study share one clock."""
    match = _DATETIME.fullmatch(text.strip())
    if match and is_placeholder(match[1]):
        return match[1] + "000000"
    moment = to_datetime(match[1], "".join(part or "" for part in match.groups()[1:5])) if match else None
    if match is None or moment is None:
        return None
    return format_date(on_clock(moment, origin)) + format_time(
        on_clock(moment, origin), text.partition("+")[0].partition("-")[0]
    )


def age_from(birth: str, study: str) -> str | None:
    """The age at the study as an AS value."""
    born, day = parse_date(birth), parse_date(study)
    if born is None or day is None or day < born:
        return None
    months = (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)
    if months < 1:
        return f"{(day - born).days:03d}D"
    return f"{months:03d}M" if months < 24 else f"{months // 12:03d}Y"


def limit_age(text: str, *, binned: bool) -> str | None:
    """An AS value with 90Y for all above 89; binned: five years, under two years six months."""
    match = _AGE.fullmatch(text.strip())
    if not match:
        return None
    days = int(match[1]) * {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}[match[2]]
    years = int(match[1]) if match[2] == "Y" else int(days / 365.25)
    if years > 89:
        return "090Y"
    if not binned:
        return f"{int(match[1]):03d}{match[2]}"
    if years < 2:
        return f"{int(days / 30.4375 + 1e-9) // 6 * 6:03d}M"
    return f"{years // 5 * 5:03d}Y"


def floor_to(text: str, step: Decimal) -> str | None:
    """A DS or IS value floored to a multiple of `step`."""
    try:
        value = Decimal(text.strip())
        floored = (value // step) * step
    except (InvalidOperation, ArithmeticError):
        return None
    whole = floored.to_integral_value()
    return format(whole if whole == floored else floored.normalize(), "f")


def is_number(value: object) -> bool:
    """Whether a decoded value is a number, or text that is one."""
    if isinstance(value, (int, float)):
        return True
    try:
        return Decimal(str(value).strip()).is_finite()
    except InvalidOperation:
        return False


def split_values(value: object) -> list[str]:
    """The values of a multi-valued text element as strings."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return value.split("\\")
    return [str(one) for one in value] if isinstance(value, Iterable) else [str(value)]
