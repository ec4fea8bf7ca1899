"""The hours in which an archive may be asked for studies, or sent some."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from datetime import datetime, time, timedelta
from enum import Enum

from deidflow.settings.pacs import WindowSettings

Hours = tuple[time, time]
"""Start and end, in local time; an end before the start is on the next day."""

_LOOK_SECONDS = 20.0


class WindowUse(Enum):
    """What becomes of work outside the window."""

    WAIT = 1
    """It waits for the window to open."""
    LEAVE = 2
    """It is left for another time."""
    IGNORE = 3
    """It is done all the same."""


def may_work(asked: WindowSettings, use: WindowUse, tell: Callable[[str], None]) -> bool:
    """Whether the archive may be troubled now, after a wait where that is wanted."""
    if use is WindowUse.IGNORE:
        return True
    if use is WindowUse.WAIT:
        _wait(asked, tell)
    now = datetime.now()
    return is_open(asked.hours, now)


def _wait(asked: WindowSettings, tell: Callable[[str], None]) -> None:
    """Wait for the window to open."""
    seconds = seconds_to_open(asked.hours, datetime.now())
    if seconds:
        tell(f"waiting for the window {asked.window}")
    while seconds:
        pause = min(seconds, _LOOK_SECONDS)
        clock.sleep(pause)
        seconds = seconds_to_open(asked.hours, datetime.now())


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
