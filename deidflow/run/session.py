"""One session on its way through the steps: what is recorded of it, and what has to be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from deidflow.face.template_place import template_path
from deidflow.identity.workorder import SessionOrder, WorkOrder
from deidflow.run.context import Run
from deidflow.steps import STEPS
from deidflow.steps.step import Step, StepJob
from deidflow.store.record import Finished, StepOutput, StepStore, Task
from deidflow.verdicts import Reason

Result = TypeVar("Result")
FinishedSteps = Mapping[str, Finished[Any]]
"""Finished steps by name."""


@dataclass(frozen=True)
class StepFailure:
    """A step that ended without a result in this run."""

    step: str
    reason: Reason


class SessionRun:
    """One session in one run: its orders, the steps that are finished, the one that failed."""

    def __init__(self, run: Run, subject: WorkOrder, order: SessionOrder) -> None:
        self.run = run
        self.subject = subject
        self.order = order
        self.finished: dict[str, Finished[Any]] = {}
        self.failure: StepFailure | None = None
        self.shown = 0
        """Tasks that Prefect shows of this session."""

    @property
    def pseudonym(self) -> str:
        """The subject, as the release calls it."""
        return self.subject.pseudonym

    @property
    def label(self) -> str:
        """The session, as the release calls it."""
        return self.order.label

    @property
    def published(self) -> Path:
        """Where the session is in the release."""
        return self.run.layout.published(
            self.pseudonym,
            self.label,
        )

    @cached_property
    def store(self) -> StepStore:
        """Records and outputs of its steps."""
        folder = self.run.layout.session_work(
            self.pseudonym,
            self.label,
        )
        return StepStore(folder, self.run.settings.strict)

    @cached_property
    def _job(self) -> StepJob:
        run, settings = self.run, self.run.settings
        return StepJob(
            layout=run.layout,
            settings=run.step_settings,
            profile=run.profile,
            profile_digest=run.profile_digest,
            pseudonym=self.pseudonym,
            label=self.label,
            labels=tuple(session.label for session in self.subject.sessions),
            content=self.subject.content_digest(self.label),
            measures=run.measures.get((self.pseudonym, self.label), {}),
            template=template_path(
                run.layout.templates,
                ears=settings.deface.removes_ears,
            ),
            outputs={},
        )

    def job(self, finished: FinishedSteps | None = None) -> StepJob:
        """What a step works with when these steps are finished; by default those of this run."""
        steps = self.finished if finished is None else finished
        outputs: dict[str, StepOutput[Any]] = {name: step.output for name, step in steps.items()}
        return replace(self._job, outputs=outputs)


def recorded_steps(session: SessionRun) -> dict[str, Finished[Any]]:
    """The steps from the first on whose records are up to date; changes nothing."""
    finished: dict[str, Finished[Any]] = {}
    for step in STEPS:
        job = session.job(finished)
        if step.moves or not step.applies(job):
            continue
        recorded = _recorded(session, step, job)
        if recorded is None:
            break
        finished[step.name] = recorded
    return finished


def open_steps(session: SessionRun) -> Iterator[Step[Any]]:
    """The steps that the session takes, each when those before are finished."""
    for step in STEPS:
        if step.applies(session.job()):
            yield step


def carry_out(session: SessionRun, step: Step[Result]) -> Finished[Result]:
    """The recorded result of a step, or that of its work in a child process."""
    job = session.job()
    if step.moves:
        return _moved(session, step, job)

    def work(scratch: Path) -> Result:
        return session.run.children.run(
            job.log,
            step.work,
            replace(job, scratch=scratch),
        )

    outputs, *other_places = step.places_of(job)
    task = Task(
        step=step.name,
        key=step.key_of(job),
        work=work,
        result=step.result,
        outputs=outputs,
        other_places=tuple(other_places),
        after=step.after(job),
        stands=step.stands(job),
    )
    return session.store.run(task)


def _recorded(session: SessionRun, step: Step[Result], job: StepJob) -> Finished[Result] | None:
    if not step.stands(job):
        return None
    return session.store.finished(
        step.name,
        step.key_of(job),
        step.result,
        step.places_of(job),
    )


def _moved(session: SessionRun, step: Step[Result], job: StepJob) -> Finished[Result]:
    """Runs in the parent: a rename needs no process of its own."""
    built = session.finished["reconstruct"]
    (target,) = step.places_of(job)
    was_there = built.folder == target
    result = step.work(job)
    session.store.forget(step.name)
    return Finished(
        StepOutput(target, result, built.digest),
        built.manifest,
        cached=was_there,
    )
