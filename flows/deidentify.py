"""The whole run: discover, identities, one task per subject, report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from prefect import State, flow
from prefect.states import Cancelled, Completed, Failed

from deidflow.errors import DeidflowError, EnvironmentFault, RunCancelled
from deidflow.identity.vault import Vault
from deidflow.release.layout import Layout
from deidflow.release.publish import withdraw
from deidflow.run.audit import note_start, note_withdrawn
from deidflow.run.batch import OrderedSubject, RunBatch
from deidflow.run.context import Run
from deidflow.run.outcome import read_outcome
from deidflow.run.standing import StandingSubjects
from deidflow.run.summary import RunSummary, failed_summary, read_summary
from deidflow.settings.run import RunSettings
from deidflow.verdicts import Verdict
from flows.fan_out import fan_out, say_standing
from flows.hosting.cancel import cancellable, store_cancellation
from tasks.discover import discover
from tasks.notify import notify
from tasks.prefect_pages import RunPages, mark
from tasks.report import report

Watch = Callable[[Run], AbstractContextManager[None]]
"""A context in which somebody watches over a run, and may stop it."""
Value = TypeVar("Value")
STOPPED = "the run was stopped; run again to carry on"


def deidentify(run_id: str, settings: RunSettings, vault: Vault) -> State[Any]:
    """Do a run as a Prefect flow whose only parameter is the run's number: settings name places."""
    here = _Here(settings, vault)

    @flow(
        name="deidentify",
        flow_run_name="run {run_id}",
        validate_parameters=False,
        persist_result=False,
        log_prints=False,
    )
    def deidentify_run(run_id: str) -> State[Any]:
        return carry_out(
            run_id,
            here.settings,
            here.vault,
            cancellable,
        )

    state: State[Any] = deidentify_run(run_id, return_state=True)
    return state


@dataclass(frozen=True)
class _Here:
    """What a flow works with. Prefect sends a flow along to the workers of a cluster: this it
    leaves out."""

    settings: RunSettings
    vault: Vault

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


def unwatched(_run: Run) -> AbstractContextManager[None]:
    """For runs that nobody can cancel in the UI."""
    return nullcontext()


def carry_out(
    run_id: str, settings: RunSettings, vault: Vault, watched: Watch = unwatched
) -> State[Any]:
    """Do the whole run; its end is in the vault's summary too. `vault` comes from `locked_run`."""
    run = Run.start(run_id, settings)
    pages = RunPages()
    pages.show(lambda: mark(settings))

    try:
        note_start(run, vault)
        with watched(run):
            return _chain(run, vault, pages)
    except Exception as error:  # noqa: BLE001 - a run ends in our words, whatever broke
        return _faulted(run, run.explained(error))
    except BaseException:
        _note_stop(run)
        raise
    finally:
        run.end()


def _chain(run: Run, vault: Vault, pages: RunPages) -> State[Any]:
    batch = _value(
        discover(run, vault, return_state=True),
        RunBatch,
    )
    if batch is None:
        return _faulted(run, run.fault)
    with closing(batch.listing):
        return _work_through(run, vault, batch, pages)


def _work_through(run: Run, vault: Vault, batch: RunBatch, pages: RunPages) -> State[Any]:
    if run.fault is not None:
        return _faulted(run, run.fault)

    standing = StandingSubjects(run)
    standing_orders = set(standing.among(batch.orders))
    for order in sorted(standing_orders, key=lambda order: order.pseudonym):
        say_standing(run, order.pseudonym)
    worked_on = [order for order in batch.orders if order not in standing_orders]
    fan_out(run, worked_on, pages)
    if run.fault is not None:
        return _faulted(run, run.fault)

    if not run.settings.subjects:
        withdraw_unordered(
            run.layout,
            vault,
            batch,
        )
    withdraw_subjects(run.layout, vault, batch.without_consent)
    summary = _value(
        report(
            run,
            vault,
            replace(batch, standing=frozenset(order.pseudonym for order in standing_orders)),
            pages,
            return_state=True,
        ),
        RunSummary,
    )
    if summary is None or run.fault is not None:
        return _faulted(run, run.fault)
    for order in worked_on:
        standing.note(order)
    return _ended(run, batch, worked_on, summary)


def _value(state: State[Any], kind: type[Value]) -> Value | None:
    """The data of a completed state; None for a failed one."""
    value = state.result(raise_on_failure=False) if state.is_completed() else None
    return value if isinstance(value, kind) else None


def _ended(
    run: Run,
    batch: RunBatch,
    worked_on: Sequence[OrderedSubject],
    summary: RunSummary,
) -> State[Any]:
    kept = read_summary(run.layout.summary)
    if kept is None or kept.run != run.run_id:
        return _faulted(
            run,
            EnvironmentFault("the summary of the run cannot be kept; check the vault's disk"),
        )

    rows = _shown_rows(run, worked_on) + notify(run, summary)
    summary.updated(rows=rows).write(run.layout.summary)
    return _end_state(batch, summary)


def _end_state(batch: RunBatch, summary: RunSummary) -> State[Any]:
    verdicts = summary.verdicts
    counts = [f"{count} files {verdict}" for verdict, count in verdicts.items() if count]
    message = f"{len(batch.orders)} subjects; {', '.join(counts)}"
    if verdicts[Verdict.FAILED]:
        return Failed(message=message)
    if not verdicts[Verdict.RELEASED] and not verdicts[Verdict.QUARANTINED]:
        return Completed(name="Nothing released", message=message)
    return Completed(
        name="Quarantined" if summary.exit_code else "Completed",
        message=message,
    )


def _shown_rows(run: Run, worked_on: Sequence[OrderedSubject]) -> int:
    """Tasks that Prefect shows: discover, report, and each subject worked on with its steps."""
    rows = 2
    for order in worked_on:
        path = run.layout.outcome(order.pseudonym)
        rows += 1 + sum(session.shown for session in read_outcome(path).values())
    return rows


def withdraw_unordered(layout: Layout, vault: Vault, batch: RunBatch) -> None:
    """Take out published sessions whose study is in the source but may not go on any more."""
    ordered = {(order.pseudonym, label) for order in batch.orders for label in order.labels}
    for pseudonym, label in vault.published_of(batch.study_uids) - ordered:
        published = layout.published(pseudonym, label)
        if published.exists():
            withdraw(published, layout.staging)
            note_withdrawn(vault, pseudonym, label)


def withdraw_subjects(layout: Layout, vault: Vault, pseudonyms: Collection[str]) -> None:
    """Take out everything that is published of some subjects."""
    for pseudonym, label in layout.published_sessions():
        if pseudonym in pseudonyms:
            withdraw(
                layout.published(pseudonym, label),
                layout.staging,
            )
            note_withdrawn(vault, pseudonym, label)


def _note_stop(run: Run) -> None:
    """Note the end of a run that a signal stops, also where somebody cancelled it."""
    run.children.stop()
    error = str(RunCancelled()) if store_cancellation() else STOPPED
    summary = RunSummary(
        run=run.run_id,
        exit_code=RunCancelled.exit_code,
        error=error,
    )
    with suppress(OSError):
        summary.write(run.layout.summary)


def _faulted(run: Run, fault: DeidflowError | None) -> State[Any]:
    cause = fault or DeidflowError("the run ended without a result")
    summary = failed_summary(run.run_id, cause)
    with suppress(OSError):
        summary.write(run.layout.summary)
    if isinstance(cause, RunCancelled):
        store_cancellation()
        return Cancelled(message=str(cause))
    notify(run, summary)
    return Failed(message=str(cause))
