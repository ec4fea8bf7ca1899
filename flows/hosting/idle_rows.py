"""Rows in Prefect's history for runs that started no server: told to the next one that is there.

Prefect sets the time of a row itself, so its name holds the time of the run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from deidflow.run.idle import WORDS
from deidflow.store.files import write_bytes_atomic

_FLOW = "deidentify"
_WAITING = "idle_runs.jsonl"
_SECONDS = 10.0


class IdleRun(BaseModel):
    """A run that had nothing to do."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    time: datetime

    @property
    def name(self) -> str:
        """What its row is called."""
        return f"run {self.run_id}, {self.time:%Y-%m-%d %H:%M} UTC"


def note_idle_run(home: Path, run_id: str) -> None:
    """Keep a run for the next server that tells its history."""
    run = IdleRun(run_id=run_id, time=datetime.now(UTC))
    _keep(home, [*_waiting(home), run])


def show_waiting(home: Path, api: str) -> None:
    """Tell a server of the runs that wait; those that it does not take wait on."""
    waiting = _waiting(home)
    if not waiting:
        return
    left = list(waiting)
    client = httpx.Client(
        trust_env=False,
        verify=api.startswith("https:"),
        timeout=_SECONDS,
    )
    with suppress(httpx.HTTPError), client:
        answer = client.post(f"{api}/flows/", json={"name": _FLOW})
        answer.raise_for_status()
        for run in waiting:
            _post(client, api, str(answer.json()["id"]), run)
            left.remove(run)
    _keep(home, left)


def _post(client: httpx.Client, api: str, flow: str, run: IdleRun) -> None:
    row = {
        "flow_id": flow,
        "name": run.name,
        "idempotency_key": run.run_id,
        "parameters": {"run_id": run.run_id},
        "state": {"type": "COMPLETED", "name": "Cached", "message": WORDS},
    }
    client.post(f"{api}/flow_runs/", json=row).raise_for_status()


def _waiting(home: Path) -> list[IdleRun]:
    try:
        lines = (home / _WAITING).read_text("ascii").splitlines()
        return [IdleRun(**json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError, ValidationError):
        return []


def _keep(home: Path, runs: Iterable[IdleRun]) -> None:
    lines = [f"{run.model_dump_json()}\n" for run in runs]
    path = home / _WAITING
    if lines:
        write_bytes_atomic(path, "".join(lines).encode("ascii"))
    else:
        path.unlink(missing_ok=True)
