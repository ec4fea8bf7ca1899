"""Where decisions are taken: shows cases, refuses what must not be decided so, and acts."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from deidflow.errors import ReleaseBusy, UsageError
from deidflow.release.audit_events import note_decision
from deidflow.release.dataset import ReviewRow, read_review
from deidflow.release.decision_record import append, histories, read_entries
from deidflow.release.decisions import (
    Action,
    CaseName,
    Decision,
    Point,
    Rectangle,
    Sight,
    undone,
)
from deidflow.release.layout import Layout
from deidflow.report.facts import ReleaseFacts
from deidflow.report.private_pages import SeriesCard, series_card
from deidflow.report.read_facts import read_facts
from deidflow.report.view_cache import SeriesViews, images_of, series_turned
from deidflow.report.volume_files import VolumeKind, volume_file
from deidflow.review.admissible import check_wish
from deidflow.review.agreement import Agreement, agreement_of
from deidflow.review.queue import Case, Choice, Look, cases_of, looks_at, undecided
from deidflow.review.shelf import Shelf
from deidflow.review.sign_off import renew_sign_off, signed_off
from deidflow.review.stored_matrix import stored_picture
from deidflow.review.withdrawal import withdraw_session


@dataclass(frozen=True)
class Wish:
    """What somebody wants to decide on a case."""

    action: Action
    sights: tuple[Sight, ...] = ()
    seconds: float = 0.0
    seen: str = ""
    landmarks: tuple[Point, ...] = ()
    rectangles: tuple[Rectangle, ...] = ()


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
        self._shelf = Shelf()
        self._making: dict[tuple[str, CaseName], threading.Lock] = {}
        cases = self._read(read_facts(layout))
        self._cases = {case.name: case for case in cases}
        self._order = looks_at(cases, self.choice, key)

    @property
    def is_blind(self) -> bool:
        """Whether names, figures and risk stay hidden until a case is decided."""
        return bool(self.choice.blind_seed)

    @property
    def order(self) -> list[Look]:
        """The queue as it was when the desk opened."""
        return self._order

    def cases(self) -> tuple[Case, ...]:
        """Every look with the decisions in force, whoever took them, in the order of the queue."""
        history = self._histories()
        return tuple(self._case(look, history) for look in self._order)

    def case(self, name: CaseName, *, again: bool = False) -> Case:
        """One case; raises UsageError where the release has none of this name."""
        if name not in self._cases:
            raise UsageError(f"there is no case {name}; 'deidflow review --list' names them")
        return self._case(Look(name, again), self._histories())

    def _case(self, look: Look, history: Mapping[CaseName, Sequence[Decision]]) -> Case:
        return replace(
            self._cases[look.name],
            again=look.again,
            history=tuple(history.get(look.name, ())),
        )

    def card(self, case: Case) -> SeriesCard:
        """The pictures and figures of a case."""
        with self._only_once("card", case):
            return series_card(
                self.layout,
                case.session,
                case.series,
            )

    def turned(self, case: Case) -> SeriesViews:
        """The head of a case from several sides."""
        name = case.name
        with self._only_once("turned", case):
            return series_turned(
                self.layout,
                name.subject,
                name.session,
                name.series,
            )

    def _only_once(self, what: str, case: Case) -> threading.Lock:
        """Who asks for pictures that are being made waits for them instead of making them too."""
        return self._making.setdefault((what, case.name), threading.Lock())

    def volume(self, case: Case, kind: VolumeKind) -> bytes | None:
        """A volume of a case for the browser; None where there is none that can be drawn."""
        name = case.name
        images = images_of(
            self.layout,
            name.subject,
            name.session,
            name.series,
        )
        volumes = self._shelf.volumes(images)
        return None if volumes is None else volume_file(volumes, kind)

    def stored(self, case: Case) -> bytes | None:
        """The stored matrix of a case as a picture; None where its source is not at hand."""
        return stored_picture(self.layout, case.name)

    def decide(self, name: CaseName, wish: Wish, who: str, *, again: bool = False) -> Decision:
        """Store a decision and act on it; raises UsageError where it may not be decided so."""
        with self._lock:
            case = self.case(name, again=again)
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
                source=case.source,
                again=again,
                landmarks=wish.landmarks,
                rectangles=wish.rectangles,
            )
            append(self.layout.decisions, decision)
            note_decision(self.layout, decision)
            if wish.action is Action.WITHHOLD:
                self._withdraw(name)
            self._sign()

        return decision

    def _signed(self) -> ReviewRow | None:
        """How far the review is that the release asks for; None where it asks for none."""
        review = read_review(self.layout.release)
        if review is None:
            return None
        history = self._histories()
        cases = [self._case(Look(name), history) for name in self._cases]
        return signed_off(cases, review, self._key)

    def _sign(self) -> None:
        """Say at once that the release is final, or is not any more; all else can wait."""
        before = read_review(self.layout.release)
        now = self._signed()
        if before and now and before.is_final != now.is_final:
            self._write_sign_off(now)

    def close(self) -> None:
        """Bring what the release says of its review up to date."""
        with self._lock:
            now = self._signed()
            if now and now != read_review(self.layout.release):
                self._write_sign_off(now)

    def _write_sign_off(self, review: ReviewRow) -> None:
        # A run at work writes it itself when it ends.
        with suppress(ReleaseBusy):
            renew_sign_off(self.layout, review)

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
            self.layout,
            facts,
            self._histories(),
        )

    def _histories(self) -> dict[CaseName, list[Decision]]:
        return histories(read_entries(self.layout.decisions))

    def undo(self, name: CaseName, who: str, *, again: bool = False) -> Decision:
        """Take back the last decision of a look; what was withdrawn returns with the next run."""
        with self._lock:
            current = self.case(name, again=again).decision
            if current is None:
                raise UsageError(f"there is no decision on {name} to take back")
            entry = undone(current, who, _now())
            append(self.layout.decisions, entry)
            note_decision(self.layout, entry)
            self._sign()
        return entry

    def agreement(self) -> Agreement:
        """Whether second looks end as the first ones."""
        return agreement_of(self._histories().values())

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


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
