"""What Prefect's pages show of a run beside its tasks: tags, progress, tables. Pseudonyms and
counts only."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run

from deidflow.run.context import progress
from deidflow.run.summary import RunSummary, SessionCounts
from deidflow.settings.run import RunSettings
from deidflow.states import StepState
from deidflow.steps import STEP_NAMES

_MOST_ROWS = 1000
_SECONDS_BETWEEN = 1.0


def tags_of(settings: RunSettings) -> list[str]:
    """By what runs can be filtered.

    Tasks have none: each would ask the server for a tag's concurrency limit.
    """
    return [f"level:{settings.level}", f"project:{settings.project}"]


class RunPages:
    """Prefect's pages of one run.

    They only show the work: where the server is gone, it goes on without them.
    """

    def __init__(self) -> None:
        self.lost = False

    def show(self, work: Callable[[], Any]) -> Any:
        """Do what needs the server, unless it did not answer before; None where it does not."""
        if self.lost:
            return None
        try:
            return work()
        except (httpx.HTTPError, PrefectException, OSError):
            self.lost = True
            progress.info(
                "the Prefect server does not answer; the work goes on, "
                "but its history is not complete"
            )
            return None


def mark(settings: RunSettings) -> None:
    """Mark the flow run with level and project."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(
            UUID(flow_run.get_id()),
            tags=tags_of(settings),
        )


class Progress:
    """A bar over the subjects of a run, brought up to date at most once a second."""

    def __init__(self, total: int, pages: RunPages) -> None:
        self._total = total
        self._pages = pages
        self._states: Counter[str] = Counter()
        self._next = 0.0
        self._artifact = pages.show(
            lambda: create_progress_artifact(
                0.0, key="subjects", description=f"0 of {total} subjects"
            )
        )

    def advance(self, state: Any) -> None:
        """Count one subject that has ended in `state`."""
        name = str(state.name).lower()
        self._states[name] += 1
        done = self._states.total()
        now = time.monotonic()
        if now < self._next and done < self._total:
            return

        self._next = now + _SECONDS_BETWEEN
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self._states.items()))
        description = f"{done} of {self._total} subjects: {counts}"
        part = 100 * done / self._total
        self._pages.show(
            lambda: update_progress_artifact(self._artifact, part, description=description)
        )


def show_tables(summary: RunSummary) -> None:
    """The verdicts with their counts, and every session with its steps."""
    _show_verdicts(summary)
    _show_sessions(summary)


def show_counts(key: str, counts: Mapping[str, int]) -> None:
    """A small table of counts."""
    create_table_artifact(
        key=key,
        table=[{"what": what, "count": count} for what, count in counts.items()],
        description=", ".join(f"{what}: {count}" for what, count in counts.items() if count),
    )


def _show_verdicts(summary: RunSummary) -> None:
    counts = [f"{count} {verdict}" for verdict, count in summary.verdicts.items() if count]
    create_table_artifact(
        key="verdicts",
        table=[
            {"verdict": str(verdict), "files": count} for verdict, count in summary.verdicts.items()
        ],
        description=f"{summary.files} files: {', '.join(counts)}",
    )


def _show_sessions(summary: RunSummary) -> None:
    rows = sorted(
        summary.sessions,
        key=lambda row: not row.has_news,
    )
    failed = sum(bool(row.failed) for row in rows)
    worked = sum(row.has_news for row in rows)
    description = f"{len(rows)} sessions: {worked} worked on, {failed} failed"
    left_out = len(rows) - _MOST_ROWS
    if left_out > 0:
        description += f"; {left_out} without news are not shown"

    create_table_artifact(
        key="sessions",
        table=[_row(row) for row in rows[:_MOST_ROWS]],
        description=description,
    )


def _row(counts: SessionCounts) -> dict[str, str]:
    series = [f"{count} {state}" for state, count in counts.series.items()]
    row = {
        "subject": counts.subject,
        "session": counts.session,
    }
    for step in STEP_NAMES:
        row[step] = str(_shown_state(counts, step))
    row["series"] = ", ".join(series)
    return row


def _shown_state(counts: SessionCounts, step: str) -> StepState:
    if counts.failed == step:
        return StepState.FAILED
    return counts.steps.get(step, StepState.NEVER_RUN)
