"""Cancelled runs: they stop soon, and Prefect shows what to do next.

Runs started from the command line have no worker to stop them, so they poll Prefect for a
cancellation. Runs of a worker are stopped by a signal; unless they store their own end, the server
calls them timed out minutes later.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from prefect.states import Cancelled

from deidflow.errors import RunCancelled
from deidflow.run.context import Run

_LOOK_SECONDS = 3.0


@contextmanager
def cancellable(run: Run) -> Iterator[None]:
    """Stop the run when its state becomes Cancelling."""
    over = threading.Event()
    threading.Thread(
        target=_watch,
        args=(run, flow_run.get_id(), over),
        daemon=True,
    ).start()
    try:
        yield
    finally:
        over.set()


def _watch(run: Run, flow_run_id: Any, over: threading.Event) -> None:
    while not over.wait(_LOOK_SECONDS):
        if _is_cancelling(flow_run_id):
            run.stop(RunCancelled())
            return


def _is_cancelling(flow_run_id: Any) -> bool:
    with (
        suppress(Exception),
        get_client(sync_client=True) as client,
    ):  # a server that is away cancels nothing
        state = client.read_flow_run(flow_run_id).state
        return state is not None and (state.is_cancelling() or state.is_cancelled())
    return False


def store_cancellation() -> bool:
    """Store that this flow run was cancelled, if somebody cancelled it; returns whether somebody
    did."""
    flow_run_id = flow_run.get_id()
    if flow_run_id is None or not _is_cancelling(flow_run_id):
        return False
    with suppress(Exception), get_client(sync_client=True) as client:
        client.set_flow_run_state(
            UUID(str(flow_run_id)), Cancelled(message=str(RunCancelled())), force=True
        )
    return True
