"""The whole run: discover, identities, one task a subject, report."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.states import Cancelled, Completed, Failed

from deidflow.errors import DeidflowError, EnvironmentFault, RunCancelled
from deidflow.identity.vault import Vault
from deidflow.release.layout import Layout
from deidflow.release.publish import withdraw
from deidflow.run.context import Run
from deidflow.run.discovery import RunBatch
from deidflow.run.start import clean_up, describe_release, open_vault
from deidflow.settings.run import RunSettings
from deidflow.store.files import read_json, write_json_atomic
from deidflow.verdicts import Verdict
from flows.fan_out import fan_out
from flows.hosting.cancel import cancellable, store_cancellation
from tasks.discover import Discovery, discover
from tasks.notify import notify
from tasks.prefect_pages import Pages, mark
from tasks.report import report

Watch = Callable[[Run], AbstractContextManager[None]]


@flow(
    name="deidentify",
    flow_run_name="run {run_id}",
    validate_parameters=False,
    persist_result=False,
    log_prints=False,
)
def deidentify(run_id: str) -> State[Any]:
    """De-identify what the settings of `run_id` name; they lie in the vault named by DEIDFLOW_VAULT.

    The caller holds the locks of release and project.
    """
    places = Layout(Path(), Path(os.environ["DEIDFLOW_VAULT"]), "", "")
    settings = RunSettings(**read_json(places.settings_of(run_id))["settings"])
    return carry_out(run_id, settings, cancellable)


def carry_out(
    run_id: str, settings: RunSettings, watched: Watch = lambda run: nullcontext()
) -> State[Any]:
    """Do the whole run under locks that the caller holds; its end is in the vault's summary too."""
    run, pages = Run.start(run_id, settings), Pages()
    pages.show(lambda: mark(settings))
    try:
        with ExitStack() as stack:
            stack.enter_context(watched(run))
            vault = open_vault(settings, stack)
            clean_up(run.layout, run_id)
            describe_release(settings, vault.keys)
            return _run(run, vault, pages)
    except Exception as error:
        return _faulted(run, run.explained(error))
    except BaseException:
        _stopped(run)
        raise
    finally:
        run.end()


def _stopped(run: Run) -> None:
    """Note the end of a run that a signal stops, also where the signal carries out a cancellation."""
    run.children.stop()
    error = (
        str(RunCancelled())
        if store_cancellation()
        else "the run was stopped; run again to carry on"
    )
    with suppress(OSError):
        write_json_atomic(run.layout.summary, {"run": run.run_id, "exit_code": 130, "error": error})


def _run(run: Run, vault: Vault, pages: Pages) -> State[Any]:
    discovery = Discovery()
    discover(run, vault, discovery, return_state=True)
    if discovery.batch is not None and run.fault is None:
        fan_out(run, discovery.batch, pages)
    if discovery.batch is not None and run.fault is None and not run.settings.subjects:
        withdraw_unordered(run.layout, vault, discovery.batch)
    if run.fault is None:
        report(run, vault, discovery, pages, return_state=True)
    if run.fault is not None:
        return _faulted(run, run.fault)
    return _ended(run, discovery.found)


def _ended(run: Run, batch: RunBatch) -> State[Any]:
    summary = read_json(run.layout.summary)
    if not isinstance(summary, dict) or summary.get("run") != run.run_id:
        return _faulted(
            run, EnvironmentFault("the summary of the run cannot be kept; check the vault's disk")
        )
    told = notify(run, summary)
    write_json_atomic(run.layout.summary, summary | {"rows": _rows(run, batch) + told})
    counts = [
        f"{count} files {verdict.value}"
        for verdict in Verdict
        if (count := summary["verdicts"][verdict.value])
    ]
    message = "; ".join([f"{len(batch.orders)} subjects", ", ".join(counts)])
    if summary["verdicts"]["failed"]:
        return Failed(message=message)
    if not summary["verdicts"]["released"] and not summary["verdicts"]["quarantined"]:
        return Completed(name="Nothing released", message=message)
    return Completed(name="Quarantined" if summary["exit_code"] else "Completed", message=message)


def _rows(run: Run, batch: RunBatch) -> int:
    """Tasks that Prefect shows: discover, report, and each subject with its steps."""
    outcomes = [read_json(run.layout.outcome(order.pseudonym)) or {} for order in batch.orders]
    steps: int = sum(session["shown"] for outcome in outcomes for session in outcome.values())
    return 2 + len(outcomes) + steps


def withdraw_unordered(layout: Layout, vault: Vault, batch: RunBatch) -> None:
    """Take out published sessions whose study is in the source but may not go on any more, not even in part."""
    ordered = {
        (order.pseudonym, session.label) for order in batch.orders for session in order.sessions
    }
    for pseudonym, label in vault.published_of(batch.cohort.study_uids) - ordered:
        published = layout.published(pseudonym, label)
        if published.exists():
            withdraw(published, layout.staging)


def _faulted(run: Run, fault: DeidflowError) -> State[Any]:
    summary = {"run": run.run_id, "exit_code": fault.exit_code, "error": str(fault)}
    with suppress(OSError):
        write_json_atomic(run.layout.summary, summary)
    if isinstance(fault, RunCancelled):
        store_cancellation()
        return Cancelled(message=str(fault))
    notify(run, summary)
    return Failed(message=str(fault))
