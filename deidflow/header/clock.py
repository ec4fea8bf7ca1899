"""The study clock: every study starts at 1900-01-01 00:00:00, and all moments keep their distance from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

EPOCH = datetime(1900, 1, 1)
_LONGEST_DISTANCE = timedelta(days=366)


@dataclass(frozen=True)
class StudyClock:
    """Moves local moments of one study."""

    origin: datetime
    """What 1900-01-01 00:00:00 stands for, in local time, without a zone."""
    timed: bool = True
    """Whether the time of day of the origin is known; if not, no time of day may be kept."""
    zone: timedelta | None = None
    """The offset from UTC of the origin, where its instances say it."""

    @classmethod
    def parse(cls, text: str) -> StudyClock | None:
        """The clock of an origin as `study_origin` writes it; None for the empty text."""
        if not text:
            return None
        origin = datetime.fromisoformat(text)
        return cls(origin.replace(tzinfo=None), "T" in text, origin.utcoffset())

    def in_zone(self, zone: timedelta | None) -> StudyClock:
        """The same clock for a file whose local times have another offset from UTC."""
        if zone is None or self.zone is None or zone == self.zone:
            return self
        return StudyClock(self.origin + zone - self.zone, self.timed, zone)

    def is_near(self, moment: datetime) -> bool:
        """Whether a moment may be of this study: one far away is made up, and moved it would give the origin away."""
        return abs(moment - self.origin) <= _LONGEST_DISTANCE

    def moved(self, moment: datetime) -> datetime:
        """A local moment on the clock."""
        return EPOCH + (moment - self.origin)

    def moved_day(self, midnight: datetime) -> datetime:
        """A day on the clock, as whole days from the day of the origin."""
        start = self.origin.replace(hour=0, minute=0, second=0, microsecond=0)
        return EPOCH + (midnight - start)
