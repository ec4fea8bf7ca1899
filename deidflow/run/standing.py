"""Subjects for whom nothing has changed since the last run: what it said of them stands.

They cost a look at their records and at what is published of them, but no task. Files count by
size, times and inode, as for the records of steps; `--strict` and `--redo` ask no such question.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from deidflow.release.layout import Layout
from deidflow.run.batch import OrderedSubject
from deidflow.run.context import Run
from deidflow.run.outcome import SessionOutcome, read_outcome, write_outcome
from deidflow.run.rules import rules_digest
from deidflow.run.unchanged import subject_digest
from deidflow.states import StepState
from deidflow.store.files import digest_of, read_json, write_json_atomic
from deidflow.store.trees import tree_digest


class Answer(NamedTuple):
    """What a subject's outcome depended on, and what was left of it."""

    inputs: str
    outputs: str


class StandingSubjects:
    """Whose answer stands, for one run."""

    def __init__(self, run: Run) -> None:
        settings = run.settings
        self._run = run
        self._is_asked = settings.redo is None and not settings.strict
        self._rules = rules_digest(settings)

    def among(self, orders: Collection[OrderedSubject]) -> Iterator[OrderedSubject]:
        """The subjects whose answer stands; their steps count as up to date from here on."""
        for order in orders:
            if self._is_asked and self._stands(order):
                yield order

    def note(self, order: OrderedSubject) -> None:
        """Let the outcome of this run answer for the next ones, unless something failed."""
        path = _place(self._run.layout, order)
        outcomes = read_outcome(self._run.layout.outcome(order.pseudonym))
        if not outcomes or any(outcome.failed for outcome in outcomes.values()):
            path.unlink(missing_ok=True)
            return
        write_json_atomic(path, self._answer(order)._asdict())

    def _stands(self, order: OrderedSubject) -> bool:
        known = read_json(_place(self._run.layout, order))
        if known is None or known != self._answer(order)._asdict():
            return False
        path = self._run.layout.outcome(order.pseudonym)
        outcomes = read_outcome(path)
        if outcomes.keys() != set(order.labels):
            return False

        again = {label: _cached(outcome) for label, outcome in outcomes.items()}
        if again != outcomes:
            write_outcome(path, again)
        return True

    def _answer(self, order: OrderedSubject) -> Answer:
        layout = self._run.layout
        names = [(order.pseudonym, label) for label in order.labels]
        measures = [repr(self._run.measures.get(name)) for name in names]
        shown = [
            tree_digest(folder)
            for name in names
            for folder in (layout.published(*name), layout.review(*name))
        ]
        records = subject_digest(layout.subject(order.pseudonym))
        return Answer(
            inputs=digest_of([self._rules, measures]),
            outputs=digest_of([shown, records]),
        )


def _cached(outcome: SessionOutcome) -> SessionOutcome:
    """The same outcome of a session in which every step was up to date."""
    steps = dict.fromkeys(outcome.steps, StepState.CACHED)
    return replace(outcome, steps=steps, shown=0)


def _place(layout: Layout, order: OrderedSubject) -> Path:
    return layout.subject(order.pseudonym) / "answer.json"
