"""Where decisions are taken: shows cases, refuses what must not be decided so, and acts."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from deidflow.errors import ReleaseBusy, UsageError
from deidflow.release.decisions import (
    Action,
    CaseName,
    Decision,
    Sight,
    append,
    effective,
    read_entries,
    undone,
)
from deidflow.release.layout import Layout
from deidflow.report.facts import ReleaseFacts
from deidflow.report.private_pages import SeriesCard, series_card
from deidflow.report.read_facts import read_facts
from deidflow.report.view_cache import SeriesViews, series_turned
from deidflow.review.queue import Case, Choice, cases_of, undecided
from deidflow.review.withdrawal import withdraw_session


@dataclass(frozen=True)
class Wish:
    """What somebody wants to decide on a case."""

    action: Action
    sights: tuple[Sight, ...] = ()
    seconds: float = 0.0
    seen: str = ""


@dataclass(frozen=True)
class Progress:
    """How far the queue is."""

    cases: int
    decided: int
    withheld: int
    seconds_per_case: float


class Desk:
    """The cases of one release, in an order that stays while people work, and their decisions."""

    def __init__(self, layout: Layout, key: bytes, choice: Choice | None = None) -> None:
        self.layout = layout
        self.choice = choice or Choice()
        self._key = key
        self._lock = threading.Lock()
        cases = self._read(read_facts(layout))
        self._cases = {case.name: case for case in cases}
        self._order = [case.name for case in cases]

    @property
    def is_blind(self) -> bool:
        """Whether names, figures and risk stay hidden until a case is decided."""
        return bool(self.choice.blind_seed)

    @property
    def order(self) -> list[CaseName]:
        """The queue as it was when the desk opened."""
        return self._order

    def cases(self) -> tuple[Case, ...]:
        """Every case with the decision in force, whoever took it, in the order of the queue."""
        decisions = self._decisions()
        cases = []
        for name in self._order:
            decision = decisions.get(name)
            case = replace(self._cases[name], decision=decision)
            cases.append(case)
        return tuple(cases)

    def case(self, name: CaseName) -> Case:
        """One case; raises UsageError where the release has none of this name."""
        case = self._cases.get(name)
        if case is None:
            raise UsageError(f"there is no case {name}; 'deidflow review --list' names them")
        decision = self._decisions().get(name)
        return replace(case, decision=decision)

    def card(self, case: Case) -> SeriesCard:
        """The pictures and figures of a case."""
        return series_card(
            self.layout,
            case.session,
            case.series,
        )

    def turned(self, case: Case) -> SeriesViews:
        """The head of a case from several sides."""
        name = case.name
        return series_turned(
            self.layout,
            name.subject,
            name.session,
            name.series,
        )

    def decide(self, name: CaseName, wish: Wish, who: str) -> Decision:
        """Store a decision and act on it; raises UsageError where it may not be decided so."""
        with self._lock:
            case = self.case(name)
            check_wish(case, wish)
            decision = Decision(
                case=name,
                action=wish.action,
                sights=wish.sights,
                who=who,
                when=_now(),
                seen=wish.seen,
                outputs=case.outputs,
                seconds=wish.seconds,
            )
            append(self.layout.decisions, decision)
            if wish.action is Action.WITHHOLD:
                self._withdraw(name)
        return decision

    def _withdraw(self, name: CaseName) -> None:
        try:
            withdraw_session(
                self.layout,
                name.subject,
                name.session,
            )
        except ReleaseBusy:
            raise ReleaseBusy(
                "the decision is stored, but a run is at work on the release: the session is still "
                "in it; take the decision back and decide again when the run has ended"
            ) from None
        self._read_again(name.subject)

    def _read_again(self, subject: str) -> None:
        """Take over what became of a subject's series; the order of the queue stays."""
        facts = read_facts(self.layout, only=subject)
        for case in self._read(facts):
            self._cases[case.name] = case

    def _read(self, facts: ReleaseFacts) -> tuple[Case, ...]:
        return cases_of(
            layout=self.layout,
            facts=facts,
            decisions=self._decisions(),
            choice=self.choice,
            key=self._key,
        )

    def _decisions(self) -> dict[CaseName, Decision]:
        entries = read_entries(self.layout.decisions)
        return effective(entries)

    def undo(self, name: CaseName, who: str) -> Decision:
        """Take back the last decision on a case; what was withdrawn returns with the next run."""
        with self._lock:
            current = self._decisions().get(name)
            if current is None:
                raise UsageError(f"there is no decision on {name} to take back")
            entry = undone(current, who, _now())
            append(self.layout.decisions, entry)
        return entry

    def progress(self, cases: Iterable[Case]) -> Progress:
        """How many cases are decided, and how long people look at one."""
        rows = tuple(cases)
        waiting = undecided(rows)
        withheld = 0
        seconds = [0.0]
        for case in rows:
            if case.decision is None:
                continue
            withheld += case.decision.action is Action.WITHHOLD
            if case.decision.seconds > 0:
                seconds.append(case.decision.seconds)

        middle = statistics.median(seconds[1:] or seconds)
        return Progress(
            cases=len(rows),
            decided=len(rows) - len(waiting),
            withheld=withheld,
            seconds_per_case=round(middle, 1),
        )


def check_wish(case: Case, wish: Wish) -> None:
    """Refuse what must not be decided so.

    No decision releases an unmasked head, and none releases anything in which the check found an
    identifier. Every decision but an acceptance needs to say what was seen.
    """
    if wish.action is Action.UNDO:
        raise UsageError("'undo' is not a decision on a case")
    if wish.action is Action.ACCEPT:
        _check_acceptance(case, wish)
    elif not wish.sights:
        raise UsageError(f"say what is seen; '{wish.action.value}' needs a reason")


def _check_acceptance(case: Case, wish: Wish) -> None:
    if case.session.findings:
        raise UsageError("the check found an identifier in this session; it cannot be accepted")
    if set(wish.sights) - {Sight.NOT_A_HEAD}:
        raise UsageError("what shows a face, a cut brain or text cannot be accepted")
    says_no_head = Sight.NOT_A_HEAD in wish.sights
    if not case.is_out and not says_no_head:
        raise UsageError(
            "there is no masked version of this series to accept; say that it is not a head, or "
            "ask for another engine or a larger margin"
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
