"""What all step tasks have in common: how a step is tried, and the state that it ends in."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from prefect import State, Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.runtime import task_run
from prefect.states import Completed, Failed

from deidflow.errors import EnvironmentFault, StepFailed
from deidflow.run.session import SessionRun, StepFailure, carry_out
from deidflow.steps.results import held_series, series_of
from deidflow.steps.step import Step
from deidflow.steps.verify import VerifyResult, words_of
from deidflow.store.record import Finished
from deidflow.verdicts import Reason

OPTIONS: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False, "log_prints": False}
"""What every task has: nothing of its work is kept by Prefect."""
PAUSES = [2.0, 8.0]
"""Seconds before a step is tried again that found its place away."""


class PlaceAway(Exception):
    """A place of files does not answer; the step is tried again."""


def is_place_away(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Retry what can pass by itself, never what is wrong with data or settings."""
    return isinstance(state.result(raise_on_failure=False), PlaceAway)


def step_task(step: Step[Any]) -> Any:
    """The Prefect task of a step, called with pseudonym, label and the session's run."""

    @task(
        name=step.name,
        task_run_name=f"{step.name} {{pseudonym}} {{label}}",
        retries=len(PAUSES),
        retry_delay_seconds=PAUSES,
        retry_condition_fn=is_place_away,
        **OPTIONS,
    )
    def run_step(pseudonym: str, label: str, session: SessionRun) -> State[Any]:  # noqa: ARG001 - Prefect names the task by them
        return perform(session, step)

    return run_step


def perform(session: SessionRun, step: Step[Any]) -> State[Any]:
    """Do the work and say how it ended, in words without identifiers.

    Raises PlaceAway where the step is to be tried again, and nothing else.
    """
    if _is_first_try():
        session.shown += 1
    try:
        finished = carry_out(session, step)
    except Exception as error:  # noqa: BLE001 - whatever a step raises ends its session only
        if _may_pass(session, error) and not _is_last_try():
            raise PlaceAway(Reason.UNREACHABLE.words) from None
        return _failed(session, step, error)

    session.finished[step.name] = finished
    state, message = describe(finished)
    _say(session, step, state, message)
    return Completed(name=state, message=message)


def _may_pass(session: SessionRun, error: Exception) -> bool:
    if not isinstance(error, StepFailed) or session.run.fault is not None:
        return False
    return error.reason is Reason.UNREACHABLE


def _is_first_try() -> bool:
    return int(task_run.run_count or 1) <= 1


def _is_last_try() -> bool:
    return int(task_run.run_count or 1) > len(PAUSES)


def _failed(session: SessionRun, step: Step[Any], error: Exception) -> State[Any]:
    explained = session.run.explained(error)
    if isinstance(explained, EnvironmentFault):
        session.run.stop(explained)

    reason = explained.reason if isinstance(explained, StepFailed) else Reason.STOPPED
    session.failure = StepFailure(step.name, reason)
    if session.run.fault is None:
        with suppress(OSError):
            session.store.note_failure(step.name, reason)

    _say(
        session,
        step,
        "Failed",
        str(explained),
    )
    return Failed(message=str(explained))


def _say(session: SessionRun, step: Step[Any], state: str, message: str) -> None:
    name = f"{session.pseudonym} {session.label} {step.name}"
    session.run.say(
        f"{name}: {state.lower()}, {message}",
        session.pseudonym,
        step.name,
        state,
    )


def describe(finished: Finished[Any]) -> tuple[str, str]:
    """Name and message of the state that a finished step ends in."""
    result = finished.result
    if isinstance(result, VerifyResult) and result.findings:
        return "Quarantined", words_of(result.findings)

    held = held_series(result)
    total = len(series_of(result))
    if held:
        reasons = {series.reason.words for series in held.values()}
        words = ", ".join(sorted(reasons))
        return "Quarantined", f"{len(held)} of {total} series: {words}"
    if finished.cached:
        return "Cached", "outputs are up to date"
    if not total:
        return "Completed", "done"
    return "Completed", f"{total} series"
