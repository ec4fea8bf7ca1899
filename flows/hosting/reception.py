"""While a site is served, somebody receives: the flow `receive` is started, and started again."""

from __future__ import annotations

import time
from uuid import UUID

import httpx
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException

from flows.hosting.started_runs import start_run, state_of

_RECEIVE = "receive"
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 600.0
_STEADY_SECONDS = 900.0
"""A run that lasted so long did not fail at its start."""


class Reception:
    """Keeps one run of `receive` going, unless somebody cancelled it."""

    def __init__(self) -> None:
        self._run: UUID | None = None
        self._pause = 0.0
        self._next = 0.0
        self._started = 0.0
        self._is_over = False

    def look(self) -> None:
        """Start a run where there is none; a server that does not answer is asked again."""
        now = time.monotonic()
        if self._is_over or now < self._next:
            return

        self._next = now + _FIRST_PAUSE
        try:
            state = None if self._run is None else state_of(self._run)
            if self._run is None or self._needs_another(state, now):
                self._run = start_run(_RECEIVE)
                self._started = now
        except (httpx.HTTPError, PrefectException, OSError):
            return

    def _needs_another(self, state: State | None, now: float) -> bool:
        """Whether the last run has ended and another is due; each that fails waits for longer."""
        if state is None or not state.is_final():
            return False
        if state.is_cancelled():
            self._is_over = True
            return False
        if now - self._started > _STEADY_SECONDS:
            self._pause = 0.0
        self._pause = min(_LONGEST_PAUSE, 2 * self._pause or _FIRST_PAUSE)
        self._next = now + self._pause
        return True
