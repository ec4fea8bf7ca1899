"""The hours in which an archive may be asked for studies."""

from __future__ import annotations

from datetime import datetime, time, timedelta

Hours = tuple[time, time]
"""Start and end, in local time; an end before the start is on the next day."""


def is_open(hours: Hours | None, now: datetime) -> bool:
    """Whether a moment is in the window; without one, any is."""
    if hours is None:
        return True
    start, end = hours
    if start <= end:
        return start <= now.time() < end
    return now.time() >= start or now.time() < end


def seconds_to_open(hours: Hours | None, now: datetime) -> float:
    """How long it is until the window opens; 0 while it is open."""
    if hours is None or is_open(hours, now):
        return 0.0
    opening = datetime.combine(now.date(), hours[0])
    if opening < now:
        opening += timedelta(days=1)
    return (opening - now).total_seconds()
