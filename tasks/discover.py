"""The task `discover`: inventory, identities and work orders of a run, in the parent process."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from deidflow.identity.vault import Vault
from deidflow.run.batch import RunBatch
from deidflow.run.context import Run
from deidflow.run.discovery import discover_batch
from tasks.common import OPTIONS
from tasks.whole_run import for_the_run


@task(name="discover", task_run_name="discover", **OPTIONS)
def discover(run: Run, vault: Vault) -> State[Any]:
    """Read the source, identify its subjects, write their work orders; the state's data is a
    RunBatch."""

    def work() -> tuple[RunBatch, str]:
        batch = discover_batch(
            run.settings,
            run.layout,
            vault,
            run.children,
        )
        message = f"{len(batch.identities)} subjects, {len(batch.orders)} selected"
        run.say(
            f"discover: {message}",
            step="discover",
            state="Completed",
        )
        return batch, message

    return for_the_run(run, work)
