"""A run of the command line has no worker that would stop it when somebody cancels it in the UI: it looks itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from deidflow.errors import RunCancelled
from tasks.context import Run

_LOOK_SECONDS = 3.0


@contextmanager
def cancellable(run: Run) -> Iterator[None]:
    """Stop the run when its state becomes Cancelling."""
    over = threading.Event()
    threading.Thread(target=_watch, args=(run, flow_run.get_id(), over), daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _watch(run: Run, flow_run_id: Any, over: threading.Event) -> None:
    while not over.wait(_LOOK_SECONDS):
        if _is_cancelling(flow_run_id):
            run.stop(RunCancelled("the run was cancelled; run again to carry on"))
            return


def _is_cancelling(flow_run_id: Any) -> bool:
    with suppress(Exception), get_client(sync_client=True) as client:  # a server that is away cancels nothing
        state = client.read_flow_run(flow_run_id).state
        return state is not None and state.is_cancelling()
    return False
