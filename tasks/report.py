"""The task `report`: tables of the release and the vault, and the sum of verdicts."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from deidflow.identity.vault import Vault
from deidflow.run.batch import RunBatch
from deidflow.run.context import Run
from deidflow.run.report import write_report
from deidflow.run.summary import RunSummary
from tasks.common import OPTIONS
from tasks.prefect_pages import RunPages, show_tables
from tasks.whole_run import for_the_run


@task(name="report", task_run_name="report", **OPTIONS)
def report(run: Run, vault: Vault, batch: RunBatch, pages: RunPages) -> State[Any]:
    """Write every table; the state's data is the RunSummary."""

    def work() -> tuple[RunSummary, str]:
        summary = write_report(run, vault, batch)
        pages.show(lambda: show_tables(summary))
        counts = [f"{count} {verdict}" for verdict, count in summary.verdicts.items()]
        return summary, ", ".join(counts)

    return for_the_run(run, work)
