"""The cases of a release in the order in which people should look at them."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deidflow.release.decisions import Action, CaseName, Decision
from deidflow.release.layout import Layout
from deidflow.report.facts import ReleaseFacts, SeriesFacts, SessionFacts
from deidflow.report.gate_chart import gate_figures
from deidflow.report.words import FigureWords, advice_for, figure_words
from deidflow.store.files import digest_of
from deidflow.store.record import StepStore

_HELD_RISK = 0.5
"""A series in quarantine shows nothing to anybody: what is published and doubtful comes first."""
_WHOLE_RISK = 0.9
"""Released with all its pixels although faces are removed: the worst mistake there could be."""
_MASKED = frozenset(("defaced", "no face in view", "already defaced"))
_WHOLE = frozenset(("not a head", "spared by a rule"))


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
    decision: Decision | None

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


def cases_of(
    layout: Layout,
    facts: ReleaseFacts,
    decisions: Mapping[CaseName, Decision],
    choice: Choice,
    key: bytes,
) -> tuple[Case, ...]:
    """Every series that people can decide on, most doubtful first."""
    cases = []
    for session in facts.sessions():
        for series in session.series:
            if not _can_be_decided(
                session,
                series,
                decisions,
            ):
                continue
            case = _case(layout, session, series, decisions)
            if _is_drawn(case, choice, key):
                cases.append(case)

    if choice.blind_seed:
        seed = choice.blind_seed.encode()
        return tuple(
            sorted(
                cases,
                key=lambda case: _keyed(seed, f"order {case.name}"),
            )
        )
    return tuple(
        sorted(
            cases,
            key=lambda case: (-case.risk, str(case.name)),
        )
    )


def _can_be_decided(
    session: SessionFacts,
    series: SeriesFacts,
    decisions: Mapping[CaseName, Decision],
) -> bool:
    name = CaseName(
        session.subject,
        session.label,
        series.name,
    )
    if name in decisions:
        return True
    if series.state in _MASKED | _WHOLE:
        return True
    advice = advice_for(series.reason)
    return bool(series.reason) and advice.by_review


def _case(
    layout: Layout,
    session: SessionFacts,
    series: SeriesFacts,
    decisions: Mapping[CaseName, Decision],
) -> Case:
    name = CaseName(
        session.subject,
        session.label,
        series.name,
    )
    return Case(
        name=name,
        session=session,
        series=series,
        risk=risk_of(series),
        outputs=outputs_of(layout, name) if session.published else "",
        decision=decisions.get(name),
    )


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


def risk_of(series: SeriesFacts) -> float:
    """How doubtful a series is: by how near its figures are to their limits."""
    if not series.is_released:
        return _HELD_RISK
    if series.state in _WHOLE:
        return _WHOLE_RISK
    explained = figure_words()
    risks = [0.0]
    for name, value in gate_figures(series).items():
        if name in explained:
            risks.append(_nearness(explained[name], value))
    return round(max(risks), 3)


def _nearness(words: FigureWords, value: float) -> float:
    """0 far from every limit, 1 at a limit or beyond it."""
    if math.isnan(value):
        return 1.0
    if words.least is None and words.most is not None:
        scale = max(words.most, 1e-9)
        return _clipped(value / scale)
    if words.most is None and words.least is not None:
        return _above(words.least, value)
    return 0.0


def _above(least: float, value: float) -> float:
    """Nearness to a lower limit: a share is full at 1, anything else counts as safe at twice it."""
    safe = 1.0 if least < 1.0 else 2 * least
    whole = max(safe - least, 1e-9)
    room = (value - least) / whole
    return _clipped(1.0 - room)


def _clipped(share: float) -> float:
    return min(1.0, max(0.0, share))


def _is_drawn(case: Case, choice: Choice, key: bytes) -> bool:
    if not case.is_out or choice.sample_percent >= 100:
        return True
    drawn = _keyed(key, f"sample {case.name}")
    number = int.from_bytes(drawn[:8], "big")
    percent = 100 * number / 2**64
    return percent < choice.sample_percent


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.digest(
        key,
        text.encode(),
        hashlib.sha256,
    )


def undecided(cases: Iterable[Case]) -> list[Case]:
    """The cases that still wait, in their order."""
    return [case for case in cases if not case.is_decided]
