"""The step `discover`: inventory, identities and work orders of a run, in the parent process."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from deidflow.identity.neighbours import write_neighbours
from deidflow.identity.vault import Vault
from deidflow.run.context import Run
from deidflow.run.discovery import RunBatch, make_batch, take_inventory
from tasks.common import OPTIONS, for_the_run


class Discovery:
    """Takes what `discover` found out of its task."""

    def __init__(self) -> None:
        self.batch: RunBatch | None = None

    @property
    def found(self) -> RunBatch:
        """The batch, once there is one."""
        if self.batch is None:
            raise RuntimeError("discover has not ended")
        return self.batch


@task(name="discover", task_run_name="discover", **OPTIONS)
def discover(run: Run, vault: Vault, discovery: Discovery) -> State[Any]:
    """Read the source, identify its subjects, write their work orders."""

    def work() -> str:
        discovery.batch = _discover(run, vault)
        found = len(discovery.batch.cohort.subjects)
        message = f"{found} subjects, {len(discovery.batch.orders)} selected"
        run.say(f"discover: {message}", step="discover", state="Completed")
        return message

    return for_the_run(run, work)


def _discover(run: Run, vault: Vault) -> RunBatch:
    settings, layout = run.settings, run.layout
    entries = take_inventory(
        settings.source, vault, run.children, layout.tool_log, strict=settings.strict
    )
    vault.mark_published(layout.published_sessions())
    batch = make_batch(entries, vault, settings)
    for order in batch.orders:
        order.write(layout.order(order.pseudonym))
    key = vault.keys.derive("hash")
    write_neighbours(batch.cohort, batch.identities, settings.source, layout.neighbours, key)
    return batch
