"""Studies that are complete are handed on to the source, and a run is due."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from deidflow.pacs.spool import Spool, WaitingStudy
from deidflow.settings.pacs import ReceiveSettings

RunState = Callable[[], bool]
"""Whether a run that was started has ended."""
StartRun = Callable[[], RunState | None]
"""Starts a run; None where it cannot be started now."""


def is_complete(spool: Spool, study: WaitingStudy, receive: ReceiveSettings, now: float) -> bool:
    """Whether a study has been quiet or has grown for long enough; `now` is a Unix time."""
    if now - study.last >= 60 * receive.quiet_minutes:
        return True
    return now - spool.first_came(study) >= 60 * receive.longest_minutes


def hand_on_complete(spool: Spool, receive: ReceiveSettings, now: float) -> int:
    """Hand on the studies that are complete; how many were."""
    handed_on = 0
    for study in spool.waiting():
        if is_complete(spool, study, receive, now):
            handed_on += spool.hand_on(study.name)
    return handed_on


@dataclass
class Follower:
    """Starts a run for what was handed on: one at a time, and another for what came meanwhile."""

    start: StartRun
    due: bool = False
    _has_ended: RunState | None = None

    def look(self) -> None:
        """Start a run if one is due and the one before has ended."""
        if self._has_ended is not None and not self._has_ended():
            return
        self._has_ended = None
        if self.due:
            self._has_ended = self.start()
            self.due = self._has_ended is None


def wait_for_complete(
    spool: Spool,
    receive: ReceiveSettings,
    follower: Follower | None,
    tick: Callable[[int], bool],
    seconds: float,
) -> int:
    """Hand on what is complete, again and again, until `tick` says that it is over.

    `tick` gets the number of studies handed on so far, every `seconds`. Returns that number.
    """
    handed_on = 0
    pause = min(seconds, 60 * receive.quiet_minutes / 2)
    while tick(handed_on):
        fresh = hand_on_complete(spool, receive, time.time())
        handed_on += fresh
        if follower is not None:
            follower.due |= fresh > 0
            follower.look()
        time.sleep(pause)
    return handed_on
