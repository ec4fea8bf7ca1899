"""One subject's chain: the step tasks called in order inside the subject's task."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

from prefect import State, task
from prefect.states import Completed, Failed

from deidflow.errors import EnvironmentFault
from deidflow.identity.workorder import WorkOrder, read_order
from deidflow.run.context import Run
from deidflow.run.fitness import is_up_to_date, withdraw_unfit
from deidflow.run.outcome import SessionOutcome, session_outcome, write_outcome
from deidflow.run.session import SessionRun, open_steps, recorded_steps
from deidflow.steps import STEP_NAMES
from deidflow.steps.step import Step
from deidflow.store.locks import held
from deidflow.verdicts import Verdict
from tasks.common import OPTIONS

Outcomes = Mapping[str, SessionOutcome]
"""By session label."""


@task(name="subject", task_run_name="{pseudonym}", **OPTIONS)
def subject(pseudonym: str, run: Run) -> State[Any]:
    """Take one subject through all steps; a subject with nothing to do is one Cached row."""
    if run.fault is not None:
        return Failed(message=str(run.fault))

    try:
        with held(
            run.layout.subject_lock(pseudonym),
            "subject",
            wait=True,
        ):
            return _work_on(pseudonym, run)
    except Exception as error:  # noqa: BLE001 - one subject must not end the others
        explained = run.explained(error)
        if isinstance(explained, EnvironmentFault):
            run.stop(explained)
        return Failed(message=str(explained))


def _work_on(pseudonym: str, run: Run) -> State[Any]:
    run.layout.outcome(pseudonym).unlink(missing_ok=True)
    order = read_order(run.layout.order(pseudonym))
    sessions = [SessionRun(run, order, session) for session in order.sessions]
    forget_redone(run, sessions)
    unfinished = [session for session in sessions if not _is_finished(session)]
    for session in unfinished:
        if run.fault is None:
            _chain(session)

    if run.fault is not None:
        return Failed(message=str(run.fault))

    for session in sessions:
        withdraw_unfit(session)
    outcomes = _keep_outcomes(run, order, sessions)
    return end_of(outcomes, cached=not unfinished)


def forget_redone(run: Run, sessions: list[SessionRun]) -> None:
    """Forget the step that `--redo` names and all that follow."""
    if run.settings.redo is None:
        return
    first = STEP_NAMES.index(run.settings.redo)
    for session in sessions:
        for step in STEP_NAMES[first:]:
            session.store.forget(step)


def _is_finished(session: SessionRun) -> bool:
    recorded = recorded_steps(session)
    if not is_up_to_date(session, recorded):
        return False
    session.finished = recorded
    return True


def _chain(session: SessionRun) -> None:
    for step in open_steps(session):
        state = task_of(step)(
            session.pseudonym,
            session.label,
            session,
            return_state=True,
        )
        if state.is_failed():
            return


def task_of(step: Step[Any]) -> Any:
    """The Prefect task of a step: the one of its name in the module of its name."""
    return getattr(importlib.import_module(f"tasks.{step.name}"), step.name)


def _keep_outcomes(run: Run, order: WorkOrder, sessions: list[SessionRun]) -> Outcomes:
    outcomes = {session.label: session_outcome(session) for session in sessions}
    write_outcome(
        run.layout.outcome(order.pseudonym),
        outcomes,
    )
    return outcomes


def end_of(outcomes: Outcomes, *, cached: bool) -> State[Any]:
    """The state in which a subject's task ends."""
    failed = [_failure(label, outcome) for label, outcome in outcomes.items() if outcome.failed]
    if failed:
        return Failed(message=f"failed in {'; '.join(failed)}")

    held_back = _held_back(outcomes)
    if cached:
        message = f"nothing to do; {held_back}" if held_back else "nothing to do"
        return Completed(name="Cached", message=message)
    if held_back:
        return Completed(name="Quarantined", message=held_back)
    return Completed(message="released")


def _failure(label: str, outcome: SessionOutcome) -> str:
    series = next(iter(outcome.series.values()))
    return f"{label}: {outcome.failed}, {series.words}"


def _held_back(outcomes: Outcomes) -> str:
    """How many series are in quarantine, and why; empty where none is."""
    reasons = Counter(
        series.reason
        for outcome in outcomes.values()
        for series in outcome.series.values()
        if series.verdict is Verdict.QUARANTINED and series.reason is not None
    )
    if not reasons:
        return ""
    words = [f"{count} × {reason.words}" for reason, count in sorted(reasons.items())]
    return f"{reasons.total()} series in quarantine: {', '.join(words)}"
