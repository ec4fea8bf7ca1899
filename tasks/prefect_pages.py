"""What Prefect's pages show of a run beside its tasks: tags, progress, tables. Pseudonyms and counts only."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
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
from deidflow.settings.run import STEPS, RunSettings
from deidflow.verdicts import Verdict

_MOST_ROWS = 1000


def tags_of(settings: RunSettings) -> list[str]:
    """By what runs can be filtered. Tasks have none: each would ask the server for a tag's concurrency limit."""
    return [f"level:{settings.level}", f"project:{settings.project}"]


class Pages:
    """Prefect's pages of one run. They only show the work: where the server is gone, it goes on without them."""

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
                "the Prefect server does not answer; the work goes on, but its history is not complete"
            )
            return None


def mark(settings: RunSettings) -> None:
    """Mark the flow run with level and project."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run.get_id()), tags=tags_of(settings))


class Progress:
    """A bar over the subjects of a run, brought up to date at most once a second."""

    def __init__(self, total: int, pages: Pages) -> None:
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
        self._states[str(state.name).lower()] += 1
        done = self._states.total()
        if time.monotonic() < self._next and done < self._total:
            return
        self._next = time.monotonic() + 1.0
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self._states.items()))
        description = f"{done} of {self._total} subjects: {counts}"
        part = 100 * done / self._total
        self._pages.show(
            lambda: update_progress_artifact(self._artifact, part, description=description)
        )


def show_tables(summary: dict[str, Any]) -> None:
    """The verdicts with their counts, and every session with its steps."""
    verdicts = {verdict.value: summary["verdicts"][verdict.value] for verdict in Verdict}
    counts = ", ".join(f"{count} {name}" for name, count in verdicts.items() if count)
    create_table_artifact(
        key="verdicts",
        table=[{"verdict": name, "files": count} for name, count in verdicts.items()],
        description=f"{summary['files']} files: {counts}",
    )
    rows = sorted(summary["sessions"], key=_nothing_to_see)
    shown = [_row(row) for row in rows[:_MOST_ROWS]]
    left_out = (
        f"; {len(rows) - _MOST_ROWS} without news are not shown" if len(rows) > _MOST_ROWS else ""
    )
    failed = sum(bool(row["failed"]) for row in rows)
    worked = sum(not _nothing_to_see(row) for row in rows)
    description = f"{len(rows)} sessions: {worked} worked on, {failed} failed{left_out}"
    create_table_artifact(key="sessions", table=shown, description=description)


def _nothing_to_see(row: dict[str, Any]) -> bool:
    return not row["failed"] and set(row["steps"].values()) <= {"cached"}


def _row(row: dict[str, Any]) -> dict[str, str]:
    steps: dict[str, str] = {
        step: row["steps"].get(step, "failed" if row["failed"] == step else "-") for step in STEPS
    }
    series = ", ".join(f"{count} {state}" for state, count in row["series"].items())
    return {"subject": row["subject"], "session": row["session"], **steps, "series": series}
