"""What all step tasks have in common: the plan of a step, and the state it ends in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from prefect import State, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from deidflow.errors import EnvironmentFault, StepFailed
from deidflow.run.context import Run, SessionRun
from deidflow.steps.verify import words_of
from deidflow.store.code import code_digest
from deidflow.store.files import digest_of
from deidflow.store.record import Finished
from deidflow.verdicts import Reason

OPTIONS: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False, "log_prints": False}
"""What every task has: nothing of its work is kept by Prefect."""


@dataclass(frozen=True)
class StepPlan:
    """What a step would do: its key, where its outputs go or may lie, and the work."""

    step: str
    key: str
    outputs: Path
    work: Callable[[Path], dict[str, Any]]
    other_places: tuple[Path, ...] = ()
    takes: tuple[str, ...] = ()
    """Earlier steps whose results the work takes."""


Planner = Callable[[SessionRun], StepPlan]


def step_key(step: str, tools: Sequence[str], *parts: Any) -> str:
    """The key of a step: its code, versions of the tools it works with, inputs and configuration."""
    versions = {tool: _installed(tool) for tool in tools}
    return digest_of([step, code_digest(f"deidflow.steps.{step}"), versions, *parts])


@lru_cache(maxsize=32)
def _installed(tool: str) -> str:
    return metadata.version(tool)


def is_up_to_date(session: SessionRun, planner: Planner) -> bool:
    """Whether a step has nothing to do; remembers what it found."""
    plan = planner(session)
    known = session.store.finished(plan.step, plan.key, plan.outputs, *plan.other_places)
    if known is not None:
        session.finished[plan.step] = known
    return known is not None


def step_task(step: str, planner: Planner) -> Any:
    """The Prefect task of a step, called with pseudonym, label and the session's run."""

    @task(name=step, task_run_name=f"{step} {{pseudonym}} {{label}}", **OPTIONS)
    def run_step(pseudonym: str, label: str, session: SessionRun) -> State[Any]:
        return perform(session, step, lambda: _run(session, planner(session)))

    return run_step


def _run(session: SessionRun, plan: StepPlan) -> Finished:
    after = {step: session.finished[step].digest for step in plan.takes if step in session.finished}
    return session.store.run(
        plan.step, plan.key, plan.outputs, plan.work, *plan.other_places, after=after
    )


def perform(session: SessionRun, step: str, work: Callable[[], Finished]) -> State[Any]:
    """Do the work and say how it ended, in words without identifiers; no exception leaves."""
    session.shown += 1
    name = f"{session.order.pseudonym} {session.session.label}"
    try:
        finished = _with_patience(session, work)
    except Exception as error:
        return _ended_badly(session, step, error)
    session.finished[step] = finished
    state, message = describe(finished)
    session.run.say(
        f"{name} {step}: {state.lower()}, {message}", session.order.pseudonym, step, state
    )
    return Completed(name=state, message=message)


PAUSES = (2.0, 8.0)
"""Seconds to wait before work is tried again."""


def _with_patience(session: SessionRun, work: Callable[[], Finished]) -> Finished:
    """Try again what can pass by itself, a network share that is away; never what is wrong with data or settings."""
    for pause in PAUSES:
        try:
            return work()
        except StepFailed as error:
            if error.reason is not Reason.UNREACHABLE or session.run.fault is not None:
                raise
            _pause(session, pause)
    return work()


def _pause(session: SessionRun, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and session.run.fault is None:
        time.sleep(0.2)


def _ended_badly(session: SessionRun, step: str, error: Exception) -> State[Any]:
    explained = session.run.explained(error)
    if isinstance(explained, EnvironmentFault):
        session.run.stop(explained)
    reason = explained.reason if isinstance(explained, StepFailed) else Reason.STOPPED
    session.failed = (step, str(reason.value))
    if session.run.fault is None:
        with suppress(OSError):
            session.store.note_failure(step, str(reason.value))
    pseudonym = session.order.pseudonym
    session.run.say(
        f"{pseudonym} {session.session.label} {step}: failed, {explained}",
        pseudonym,
        step,
        "Failed",
    )
    return Failed(message=str(explained))


def for_the_run(run: Run, work: Callable[[], str]) -> State[Any]:
    """Work that concerns the whole run: what goes wrong in it stops the run, in words without identifiers."""
    try:
        return Completed(message=work())
    except Exception as error:
        run.stop(run.explained(error))
        return Failed(message=str(run.fault))


def describe(finished: Finished) -> tuple[str, str]:
    """Name and message of the state that a finished step ends in."""
    held = [
        series
        for series in finished.result.get("series", {}).values()
        if series["state"] == "quarantined"
    ]
    total = len(finished.result.get("series", {}))
    findings = finished.result.get("findings", [])
    if findings:
        return "Quarantined", words_of(findings)
    if held:
        reasons = ", ".join(sorted({Reason.read(series["reason"]).words for series in held}))
        return "Quarantined", f"{len(held)} of {total} series: {reasons}"
    if finished.cached:
        return "Cached", "outputs are up to date"
    return "Completed", f"{total} series" if total else finished.result.get("message", "done")
