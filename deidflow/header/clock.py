"""The study clock: every study starts at 1900-01-01 00:00:00, all moments keep their distance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from deidflow.header.values import (
    format_date,
    format_time,
    is_placeholder,
    local_datetime,
    parse_time,
    split_datetime,
    to_datetime,
)

EPOCH = datetime(1900, 1, 1)
_LONGEST_DISTANCE = timedelta(days=366)


@dataclass(frozen=True)
class StudyClock:
    """Moves local moments of one study."""

    origin: datetime
    """The moment that becomes 1900-01-01 00:00:00, in local time, without a zone."""
    timed: bool = True
    """Whether the time of day of the origin is known; if not, no time of day may be kept."""
    zone: timedelta | None = None
    """The offset from UTC of the origin, if its instances state it."""

    @classmethod
    def parse(cls, text: str) -> StudyClock | None:
        """The clock of an origin as `study_origin` writes it; None for the empty text."""
        if not text:
            return None
        origin = datetime.fromisoformat(text)
        return cls(
            origin=origin.replace(tzinfo=None),
            timed="T" in text,
            zone=origin.utcoffset(),
        )

    def in_zone(self, zone: timedelta | None) -> StudyClock:
        """The same clock for a file whose local times have another offset from UTC."""
        if zone is None or self.zone is None or zone == self.zone:
            return self
        origin = self.origin + zone - self.zone
        return StudyClock(origin, self.timed, zone)

    def is_near(self, moment: datetime) -> bool:
        """Whether a moment may be of this study.

        One that is far away is made up, and would reveal the origin if it were moved.
        """
        return abs(moment - self.origin) <= _LONGEST_DISTANCE

    def moved(self, moment: datetime) -> datetime:
        """A local moment on the clock."""
        return EPOCH + (moment - self.origin)

    def moved_day(self, midnight: datetime) -> datetime:
        """A day on the clock, in whole days from the day of the origin."""
        return EPOCH + (midnight - self.origin_day())

    def origin_day(self) -> datetime:
        """Midnight at the start of the day of the origin."""
        return datetime.combine(self.origin, time())


def clock_date(text: str, clock: StudyClock) -> str | None:
    """A DA value on the study clock; None if it is not of the study. Placeholders stay."""
    if is_placeholder(text):
        return text.strip()
    day = to_datetime(text, "")
    if day is None or not clock.is_near(day):
        return None
    return format_date(clock.moved_day(day))


def clock_time(text: str, clock: StudyClock) -> str | None:
    """A TM value without its date on the study clock; hours wrap at midnight.

    Midnight stays: it usually means an unknown time and would reveal the time of the study if it
    were moved. None if the clock's own time of day is unknown.
    """
    since_midnight = parse_time(text)
    if since_midnight is None:
        return None
    if not since_midnight:
        return format_time(EPOCH, text)
    if not clock.timed:
        return None
    moved = clock.moved(clock.origin_day() + since_midnight)
    return format_time(moved, text)


def clock_datetime(text: str, clock: StudyClock, zone: timedelta | None = None) -> str | None:
    """A DT value on the study clock, without its offset from UTC.

    The offset counts if that of the header, `zone`, or of the clock is known. Midnight or a
    missing time mean an unknown time: then only the date moves, by whole days.
    """
    day, time_text = split_datetime(text)
    if not day:
        return None
    if is_placeholder(day):
        return day + "000000"
    if not parse_time(time_text or "00"):
        moved_day = clock_date(day, clock)
        whole, _, _ = time_text.partition(".")
        zeros = "0" * len(whole)
        return moved_day + zeros if moved_day else None

    moment = local_datetime(text, zone or clock.zone)
    if moment is None or not clock.timed or not clock.is_near(moment):
        return None
    moved = clock.moved(moment)
    return format_date(moved) + format_time(moved, time_text)
