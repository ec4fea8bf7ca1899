"""The cases of a release in the order in which people should look at them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from deidflow.errors import EnvironmentFault
from deidflow.identity.workorder import read_order
from deidflow.release.decisions import Action, CaseName, Decision
from deidflow.release.layout import Layout
from deidflow.release.measures import Measures, measures_of
from deidflow.report.facts import ReleaseFacts, SeriesFacts, SessionFacts
from deidflow.report.words import advice_for
from deidflow.review.risk import MASKED, WHOLE, WHOLE_RISK, risk_of
from deidflow.store.files import digest_of
from deidflow.store.record import StepStore


@dataclass(frozen=True)
class Look:
    """One showing of a case: the first, or another that tells whether the answer is the same."""

    name: CaseName
    again: bool = False


@dataclass(frozen=True)
class Case:
    """One series to decide on."""

    name: CaseName
    session: SessionFacts
    series: SeriesFacts
    risk: float
    """0 to 1; 1 is the most doubtful."""
    outputs: str
    """Hash of the released files; empty where the series is not released."""
    source: str = ""
    """Hash of the source instances; empty where the vault has no orders for them."""
    again: bool = False
    history: tuple[Decision, ...] = ()
    """Every decision on the series that nobody took back, oldest first."""

    def seen_as(self, look: Look) -> Case:
        """The case in one of its looks."""
        return replace(self, again=look.again)

    @property
    def decision(self) -> Decision | None:
        """The last decision of this look."""
        looks = [decision for decision in self.history if decision.again == self.again]
        return looks[-1] if looks else None

    @property
    def measures(self) -> Measures:
        """What all decisions ask of a run."""
        return measures_of(self.history)

    @property
    def is_decided(self) -> bool:
        """Whether a decision is in force, taken on the series as it stands."""
        if self.decision is None:
            return False
        if self.decision.action is Action.WITHHOLD:
            return True
        return self.decision.is_about(self.outputs)

    @property
    def is_out(self) -> bool:
        """Whether the series is in the release now."""
        return self.session.published and self.series.is_released


@dataclass(frozen=True)
class Choice:
    """Which cases, and in which order."""

    blind_seed: str = ""
    """Not empty: an order that this word decides, without names, figures and risk."""
    sample_percent: float = 100.0
    """Share of the published cases that is drawn, by keyed hash; what is held is always there."""
    again_percent: float = 0.0
    """Share of these that is shown a second time, at the end."""


def cases_of(
    layout: Layout,
    facts: ReleaseFacts,
    histories: Mapping[CaseName, Sequence[Decision]],
) -> tuple[Case, ...]:
    """Every series that people can decide on."""
    cases = []
    for subject in facts.subjects:
        sources = source_digests(layout, subject.pseudonym)
        for session in subject.sessions:
            for series in session.series:
                name = CaseName(subject.pseudonym, session.label, series.name)
                history = tuple(histories.get(name, ()))
                if history or _can_be_decided(series):
                    case = Case(
                        name=name,
                        session=session,
                        series=series,
                        risk=risk_of(series),
                        outputs=outputs_of(layout, name) if session.published else "",
                        source=sources.get((session.label, series.name), ""),
                        history=history,
                    )
                    cases.append(case)

    return tuple(cases)


def source_digests(layout: Layout, pseudonym: str) -> dict[tuple[str, str], str]:
    """Label and series -> hash of its source instances, by the subject's work order."""
    try:
        order = read_order(layout.order(pseudonym))
    except EnvironmentFault:
        return {}
    digests = {}
    for session in order.sessions:
        for series in session.series:
            digests[session.label, series.name] = series.source_digest
    return digests


def looks_at(cases: Iterable[Case], choice: Choice, key: bytes) -> list[Look]:
    """The queue: drawn cases, the most doubtful first or blind, then those that come again."""
    drawn = drawn_cases(cases, choice, key)
    if choice.blind_seed:
        seed = choice.blind_seed.encode()
        drawn.sort(key=lambda case: keyed(seed, f"order {case.name}"))
    else:
        drawn.sort(key=lambda case: (-case.risk, str(case.name)))

    looks = [Look(case.name) for case in drawn]
    for case in drawn:
        if case.is_out and _share(key, f"again {case.name}") < choice.again_percent:
            looks.append(Look(case.name, again=True))
    return looks


def drawn_cases(cases: Iterable[Case], choice: Choice, key: bytes) -> list[Case]:
    """What is held, what is most doubtful, and a sample of the rest that is never empty."""
    chosen: list[Case] = []
    rest: list[Case] = []
    for case in cases:
        is_sure = case.is_out and case.risk < WHOLE_RISK
        (rest if is_sure else chosen).append(case)

    rest.sort(key=lambda case: _share(key, f"sample {case.name}"))
    sample = [case for case in rest if _share(key, f"sample {case.name}") < choice.sample_percent]
    if choice.sample_percent > 0:
        sample = sample or rest[:1]
    return chosen + sample


def _share(key: bytes, text: str) -> float:
    """A number from 0 to 100 that a text has for this key, always the same."""
    drawn = keyed(key, text)
    number = int.from_bytes(drawn[:8], "big")
    return 100 * number / 2**64


def keyed(key: bytes, text: str) -> bytes:
    """A hash that nobody without the key can foresee."""
    return hmac.digest(
        key,
        text.encode(),
        hashlib.sha256,
    )


def _can_be_decided(series: SeriesFacts) -> bool:
    if series.state in MASKED | WHOLE:
        return True
    advice = advice_for(series.reason)
    return bool(series.reason) and advice.by_review


def outputs_of(layout: Layout, name: CaseName) -> str:
    """A hash of what is released of a series; empty where nothing is."""
    published = layout.published(name.subject, name.session)
    if not (published / name.series).is_dir():
        return ""
    work = layout.session_work(name.subject, name.session)
    recorded = StepStore(work).manifest("reconstruct")
    outputs = recorded.outputs if recorded else ()
    prefix = f"{name.series}/"
    files = []
    for output in outputs:
        if output.path.startswith(prefix):
            files.append((output.path, output.sha256))
    return digest_of(files)


def undecided(cases: Iterable[Case]) -> list[Case]:
    """The cases that still wait, in their order."""
    return [case for case in cases if not case.is_decided]
