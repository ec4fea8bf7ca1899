"""One subject's chain: the step tasks called in order inside the subject's task."""

from __future__ import annotations

from collections import Counter
from typing import Any

from prefect import State, task
from prefect.states import Completed, Failed

from deidflow.errors import EnvironmentFault
from deidflow.identity.workorder import WorkOrder, read_order
from deidflow.run import fitness
from deidflow.run.context import Run, SessionRun
from deidflow.run.outcome import session_outcome
from deidflow.settings.run import STEPS
from deidflow.store.files import write_json_atomic
from deidflow.store.locks import held
from deidflow.verdicts import Reason, Verdict
from tasks import anonymize, convert, deface, publish, reconstruct, verify
from tasks.common import OPTIONS, is_up_to_date


@task(name="subject", task_run_name="{pseudonym}", **OPTIONS)
def subject(pseudonym: str, run: Run) -> State[Any]:
    """Take one subject through all steps; a subject with nothing to do is one Cached row."""
    if run.fault is not None:
        return Failed(message=str(run.fault))
    try:
        with held(run.layout.subject_lock(pseudonym), "subject", wait=True):
            return _subject(pseudonym, run)
    except Exception as error:
        explained = run.explained(error)
        if isinstance(explained, EnvironmentFault):
            run.stop(explained)
        return Failed(message=str(explained))


def _subject(pseudonym: str, run: Run) -> State[Any]:
    run.layout.outcome(pseudonym).unlink(missing_ok=True)
    order = read_order(run.layout.order(pseudonym))
    sessions = [SessionRun(run, order, session) for session in order.sessions]
    redo_from(run, sessions)
    cached = [_is_up_to_date(session) for session in sessions]
    for session, done in zip(sessions, cached, strict=True):
        if not done and run.fault is None:
            _chain(session)
    if run.fault is not None:
        return Failed(message=str(run.fault))
    for session in sessions:
        fitness.withdraw_unfit(session)
    return _end(run, order, sessions, all(cached))


def redo_from(run: Run, sessions: list[SessionRun]) -> None:
    """Forget the steps that `--redo` names and all that follow."""
    if run.settings.redo is None:
        return
    for session in sessions:
        for step in STEPS[STEPS.index(run.settings.redo) :]:
            session.store.forget(step)


def _planners(session: SessionRun) -> list[Any]:
    steps = [anonymize.plan, convert.plan]
    return steps + ([deface.plan] if session.run.settings.defacing else []) + [reconstruct.plan]


def _is_up_to_date(session: SessionRun) -> bool:
    """Whether every step of a session is done; remembers the results."""
    if not all(is_up_to_date(session, planner) for planner in _planners(session)):
        return False
    if fitness.has_something(session) and not is_up_to_date(session, verify.plan):
        return False
    return fitness.stands(session) or not (session.published.exists() or may_still_go_out(session))


def may_still_go_out(session: SessionRun) -> bool:
    """Whether everything is done but the publishing."""
    return fitness.has_something(session) and fitness.may_go_out(session)


def _chain(session: SessionRun) -> None:
    names = session.order.pseudonym, session.session.label
    steps = [anonymize.anonymize, convert.convert]
    steps += [deface.deface] if session.run.settings.defacing else []
    for step in [*steps, reconstruct.reconstruct]:
        if step(*names, session, return_state=True).is_failed():
            return
    if (
        not fitness.has_something(session)
        or verify.verify(*names, session, return_state=True).is_failed()
    ):
        return
    if fitness.may_go_out(session):
        publish.publish(*names, session, return_state=True)


def _end(run: Run, order: WorkOrder, sessions: list[SessionRun], cached: bool) -> State[Any]:
    outcome = {session.session.label: session_outcome(session) for session in sessions}
    write_json_atomic(run.layout.outcome(order.pseudonym), outcome)
    failed = [f"{label}: {_failure(one)}" for label, one in outcome.items() if one["failed"]]
    if failed:
        return Failed(message=f"failed in {'; '.join(failed)}")
    held = _held(outcome)
    if cached:
        return Completed(name="Cached", message="; ".join(["nothing to do", *held]))
    return Completed(name="Quarantined", message=held[0]) if held else Completed(message="released")


def _failure(outcome: dict[str, Any]) -> str:
    reason = next(iter(outcome["series"].values()))["reason"]
    return f"{outcome['failed']}, {Reason.read(reason).words}"


def _held(outcome: dict[str, Any]) -> list[str]:
    """How many series are in quarantine, and why, in words; nothing where none is."""
    rows = [row for one in outcome.values() for row in one["series"].values()]
    reasons = Counter(row["reason"] for row in rows if row["verdict"] == Verdict.QUARANTINED.value)
    words = ", ".join(
        f"{count} × {Reason.read(reason).words}" for reason, count in sorted(reasons.items())
    )
    return [f"{reasons.total()} series in quarantine: {words}"] if reasons else []
