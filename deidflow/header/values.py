"""Values parsed by VR and written back legally; what cannot be parsed is None."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from deidflow.header.clock import EPOCH, StudyClock
from deidflow.resources import placeholder_dates

_TIME = re.compile(r"(\d{2})(?::?(\d{2}))?(?::?(\d{2}))?(?:\.(\d{1,6}))?")
_DATETIME = re.compile(r"(\d{8})(\d{2})?(\d{2})?(\d{2})?(\.\d{1,6})?([+-]\d{4})?")
_ZONE = re.compile(r"([+-])(\d{2})(\d{2})")
_AGE = re.compile(r"(\d{1,3})([DWMY])")
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
    day = parse_date(text)
    return day is not None and format_date(day) in placeholder_dates()


def shift_date(text: str, days: int) -> str | None:
    """A DA value moved by whole days; a placeholder stays as it is."""
    day = parse_date(text)
    if day is not None and is_placeholder(text):
        return format_date(day)
    try:
        return format_date(day + timedelta(days=days)) if day else None
    except OverflowError:
        return None


def shift_datetime(text: str, days: int, zone: timedelta | None = None) -> str | None:
    """A DT value moved by whole days; time and fraction stay.

    Its offset from UTC stays too, but where the header's `zone` is known: then the value becomes local time, as
    all other times of the header are, whose TimezoneOffsetFromUTC goes.
    """
    match = _DATETIME.fullmatch(text.strip())
    if match is None:
        return None
    own = parse_zone(match[6] or "")
    if own is None or zone is None or is_placeholder(match[1]):
        moved = shift_date(match[1], days)
        return moved + text.strip()[8:] if moved else None
    local = _in_zone(match, own, zone)
    moved = shift_date(format_date(local), days) if local else None
    return moved + format_time(local, _time_text(match)) if moved and local else None


def _time_text(match: re.Match[str]) -> str:
    """The time of a DT value as a TM value."""
    return "".join(part or "" for part in match.groups()[1:5])


def local_datetime(text: str, zone: timedelta | None) -> datetime | None:
    """A DT value as local time of a zone, fraction and all; None where it is not a DT value."""
    match = _DATETIME.fullmatch(text.strip())
    return _in_zone(match, parse_zone(match[6] or ""), zone) if match else None


def _in_zone(
    match: re.Match[str], own: timedelta | None, zone: timedelta | None
) -> datetime | None:
    """A DT value as local time of a zone; as it is where one of the zones is not known."""
    moment = to_datetime(match[1], _time_text(match))
    if moment is None or own is None or zone is None:
        return moment
    return moment + zone - own


def split_datetime(text: str) -> tuple[str, str]:
    """Date and time of a DT value, without its offset from UTC; empty where it is not a DT value."""
    match = _DATETIME.fullmatch(text.strip())
    return (match[1], _time_text(match)) if match else ("", "")


def parse_zone(text: str) -> timedelta | None:
    """An offset from UTC, `+0100`, as in TimezoneOffsetFromUTC and at the end of DT values (PS3.5 6.2)."""
    match = _ZONE.fullmatch(text.strip())
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -offset if match[1] == "-" else offset


def to_datetime(day: str, time: str) -> datetime | None:
    """A DA and a TM value as one moment; midnight where the time is missing."""
    parsed = parse_date(day)
    since_midnight = parse_time(time) if time.strip() else timedelta()
    if parsed is None or since_midnight is None:
        return None
    return datetime(parsed.year, parsed.month, parsed.day) + since_midnight


def format_date(moment: date) -> str:
    """A DA value."""
    return f"{moment.year:04d}{moment.month:02d}{moment.day:02d}"


def format_time(moment: datetime, like: str) -> str:
    """A TM value as precise as `like`: hours, minutes or seconds, with its digits of fraction or more if needed."""
    whole, _, fraction_like = like.strip().replace(":", "").partition(".")
    text = f"{moment.hour:02d}{moment.minute:02d}{moment.second:02d}"
    if len(whole) in (2, 4):
        return text[: len(whole)]
    digits, fraction = len(fraction_like), f"{moment.microsecond:06d}"
    if int(fraction[digits:] or 0):
        digits = 6
    return f"{text}.{fraction[:digits]}" if digits else text


def clock_date(text: str, clock: StudyClock) -> str | None:
    """A DA value on the study clock; a placeholder stays as it is, a date that is not of the study is None."""
    if is_placeholder(text):
        return text.strip()
    day = to_datetime(text, "")
    if day is None or not clock.is_near(day):
        return None
    return format_date(clock.moved_day(day))


def clock_time(text: str, clock: StudyClock) -> str | None:
    """A TM value without its date on the study clock; hours wrap at midnight.

    Midnight itself stays: it stands for no time, and moved it would give the time of the study away. None where
    the clock's own time of day is not known.
    """
    since_midnight = parse_time(text)
    if since_midnight is None:
        return None
    if not since_midnight:
        return format_time(EPOCH, text)
    if not clock.timed:
        return None
    midnight = datetime(clock.origin.year, clock.origin.month, clock.origin.day)
    return format_time(clock.moved(midnight + since_midnight), text)


def clock_datetime(text: str, clock: StudyClock, zone: timedelta | None = None) -> str | None:
    """A DT value on the study clock, without its offset from UTC, which counts where the header's is known.

    Midnight and a missing time stand for no time: then only the date moves, by whole days.
    """
    match = _DATETIME.fullmatch(text.strip())
    if match is None:
        return None
    written = _time_text(match)
    if is_placeholder(match[1]):
        return match[1] + "000000"
    if not parse_time(written or "00"):
        day = clock_date(match[1], clock)
        return day + "0" * len(written.partition(".")[0]) if day else None
    moment = _in_zone(match, parse_zone(match[6] or ""), zone or clock.zone)
    if moment is None or not clock.timed or not clock.is_near(moment):
        return None
    moved = clock.moved(moment)
    return format_date(moved) + format_time(moved, written)


def age_from(birth: str, study: str) -> str | None:
    """The age at the study as an AS value."""
    if is_placeholder(birth) or is_placeholder(study):
        return None
    born, day = parse_date(birth), parse_date(study)
    if born is None or day is None or day < born:
        return None
    months = (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)
    if months < 1:
        return f"{(day - born).days:03d}D"
    return f"{months:03d}M" if months < 24 else f"{months // 12:03d}Y"


def parse_age(text: str) -> tuple[int, str] | None:
    """Number and unit of an AS value (PS3.5 6.2); None where it is not one."""
    match = _AGE.fullmatch(text.strip())
    return (int(match[1]), match[2]) if match else None


def limit_age(text: str, *, binned: bool) -> str | None:
    """An AS value with 90Y for all above 89; binned: five years, in young children finer, so that none is 0."""
    match = _AGE.fullmatch(text.strip())
    if not match:
        return None
    if not int(match[1]):
        return f"000{match[2]}"
    days = int(match[1]) * {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}[match[2]]
    years = int(match[1]) if match[2] == "Y" else int(days / 365.25)
    if years > 89:
        return "090Y"
    if not binned:
        return f"{int(match[1]):03d}{match[2]}"
    return f"{years // 5 * 5:03d}Y" if years >= 5 else _young_age(days)


def _young_age(days: float) -> str:
    """An age under five years: years, half years under two, months under half a year, weeks under a month."""
    months = int(days / 30.4375 + 1e-9)
    if months >= 24:
        return f"{months // 12:03d}Y"
    if months >= 6:
        return f"{months // 6 * 6:03d}M"
    return f"{months:03d}M" if months else f"{max(int(days) // 7, 1):03d}W"


def floor_to(text: str, step: Decimal) -> str | None:
    """A DS or IS value floored to a multiple of `step`.

    Below two steps a tenth of the step counts, and so on, so that 3.7 in steps of 5 is 3.5 and not 0.
    """
    try:
        value = Decimal(text.strip())
        floored = _floored(value, step)
    except (InvalidOperation, ArithmeticError):
        return None
    whole = floored.to_integral_value()
    return format(whole if whole == floored else floored.normalize(), "f")


def _floored(value: Decimal, step: Decimal) -> Decimal:
    least = step / 1000
    while abs(value) < 2 * step and step > least:
        step /= 10
    return (value // step) * step


def is_number(value: object) -> bool:
    """Whether a decoded value is a number, or text that is one."""
    if isinstance(value, (int, float)):
        return True
    try:
        return Decimal(str(value).strip()).is_finite()
    except InvalidOperation:
        return False
