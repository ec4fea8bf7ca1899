"""The whole run: discover, identities, one task a subject, report."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from deidflow.config import RunSettings
from deidflow.errors import DeidflowError
from deidflow.face.template import template_path
from deidflow.identity.vault import Vault
from deidflow.release.layout import Layout
from deidflow.release.publish import withdraw
from deidflow.steps.discover import Batch
from deidflow.steps.prepare import clean_up, describe_release, memory_limit, open_vault, take_locks, worker_count
from deidflow.store.children import Children
from deidflow.store.files import read_json, write_json_atomic
from flows.server import wait_for_rows
from flows.subject import subject
from tasks.context import Run
from tasks.discover import Discovery, discover
from tasks.report import report


@flow(
    name="deidentify", flow_run_name="run {run_id}", validate_parameters=False, persist_result=False, log_prints=False
)
def deidentify(run_id: str) -> State[Any]:
    """De-identify what the settings of `run_id` name; they lie in the vault named by DEIDFLOW_VAULT."""
    places = Layout(Path(), Path(os.environ["DEIDFLOW_VAULT"]), "", "")
    orders = read_json(places.settings_of(run_id))
    settings = RunSettings(**orders["settings"])
    run = Run(run_id, settings, Layout.of(settings), Children(memory_limit(settings)))
    try:
        with ExitStack() as stack:
            if orders["locked_by"] != os.getpid():
                take_locks(settings, stack)
            vault = open_vault(settings, stack)
            clean_up(run.layout)
            describe_release(settings, vault.keys)
            return _run(run, vault)
    except Exception as error:
        return _faulted(run, run.explained(error))
    finally:
        run.children.stop()


def with_workers(settings: RunSettings) -> Any:
    """The flow with as many threads as subjects are at work at once; the heavy work is in child processes."""
    return deidentify.with_options(task_runner=ThreadPoolTaskRunner(max_workers=worker_count(settings)))


def _run(run: Run, vault: Vault) -> State[Any]:
    discovery = Discovery()
    discover(run, vault, discovery, return_state=True)
    if discovery.batch is not None and run.fault is None:
        _fan_out(run, discovery.batch)
    if discovery.batch is not None and run.fault is None and not run.settings.subjects:
        withdraw_unordered(run.layout, vault, discovery.batch)
    if run.fault is None:
        report(run, vault, discovery, return_state=True)
    if run.fault is not None:
        return _faulted(run, run.fault)
    wait_for_rows(run.shown)
    return Completed(message=f"{len(discovery.batch.orders) if discovery.batch else 0} subjects")


def _fan_out(run: Run, batch: Batch) -> None:
    if run.settings.defacing and batch.orders:
        path = template_path(run.layout.templates, ears=run.settings.deface.ears)
        if not path.exists():
            arguments = (str(path), run.settings.deface.ears)
            run.children.run("deidflow.face.template:prepare_template", *arguments, log=run.layout.tool_log)
    futures = [subject.submit(order.pseudonym, run) for order in batch.orders]
    try:
        for future in futures:
            future.wait()
    except BaseException:
        run.children.stop()
        raise


def withdraw_unordered(layout: Layout, vault: Vault, batch: Batch) -> None:
    """Take out published sessions whose study is in the source but may not go on any more, not even in part."""
    ordered = {(order.pseudonym, session.label) for order in batch.orders for session in order.sessions}
    for pseudonym, label in vault.published_of(batch.cohort.study_uids) - ordered:
        published = layout.published(pseudonym, label)
        if published.exists():
            withdraw(published, layout.staging)


def _faulted(run: Run, fault: DeidflowError) -> State[Any]:
    summary = {"exit_code": fault.exit_code, "error": str(fault)}
    write_json_atomic(run.layout.summary_of(run.run_id), summary)
    return Failed(message=str(fault))
