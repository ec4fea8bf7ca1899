"""What people who looked at the series of a session ask of their masks.

A decision concerns its series. Only where the gate refused every head of the session, the first one
that was registered as somebody asked serves them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deidflow.errors import UsageError, Withheld
from deidflow.face.anchor import Attempt, can_be_registered, register_session
from deidflow.face.candidate import Refused, Registered, attempt
from deidflow.face.landmarks import attempt_by_landmarks
from deidflow.face.other_engine import attempt_otherwise
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.identity.workorder import SessionOrder
from deidflow.release.decisions import Action, Point
from deidflow.release.measures import NO_MEASURES, NOT_YET_A_HEAD, Measures
from deidflow.settings.face import DefaceSettings
from deidflow.states import SeriesState
from deidflow.steps.results import DefacePlan, Held
from deidflow.steps.step import StepJob
from deidflow.verdicts import Reason

ASKED_MARGIN_MM = 4.0
"""Growth of the face region each time that a person asks for a larger margin."""


@dataclass(frozen=True)
class AskedHead:
    """A head that was registered as a person asked."""

    registered: Registered
    asked_as: Action
    settings: DefaceSettings
    """With which its mask is made."""


@dataclass(frozen=True)
class AskedHeads:
    """The wishes of people for one session, as far as they hold for the series as they are."""

    measures: Mapping[str, Measures]
    template: Template
    settings: DefaceSettings

    @classmethod
    def of(
        cls,
        job: StepJob,
        session: SessionOrder,
        template: Template,
    ) -> AskedHeads:
        """What counts of the job's measures: not what was said of other source instances."""
        measures = {}
        for series in session.series:
            asked = job.measures.get(series.name)
            if asked is not None:
                measures[series.name] = asked.for_source(series.source_digest)
        return cls(
            measures,
            template,
            job.settings.deface,
        )

    def of_series(self, name: str) -> Measures:
        """What people ask for on a series."""
        return self.measures.get(name, NO_MEASURES)

    def margin_mm(self, name: str) -> float:
        """What people added to the margin of a series."""
        return ASKED_MARGIN_MM * self.of_series(name).margins

    def is_asked_for(self, name: str) -> bool:
        """Whether somebody asked for another registration, or another engine's mask."""
        asked = self.of_series(name)
        return asked.other_engine or bool(asked.landmarks)

    def first(self, candidates: Sequence[HeadSeries]) -> AskedHead | None:
        """The first head of the session that is accepted as somebody asked."""
        for series in candidates:
            if not self.is_asked_for(series.name):
                continue
            try:
                return self.head_for(series, candidates)
            except Withheld:
                continue
        return None

    def head_for(self, series: HeadSeries, candidates: Sequence[HeadSeries]) -> AskedHead:
        """The head from which a series gets its mask; raises Withheld where the gate refuses it.

        It is the series itself where it can be registered alone, else the best of the session.
        """
        asked = self.of_series(series.name)
        if asked.landmarks:
            outcome = self._by_landmarks(series, asked.landmarks)
            settings = _with_margin(self.settings)
            return _accepted(
                outcome,
                Action.LANDMARKS,
                settings,
            )

        # Where a site runs an engine of its own, the other one is ours.
        is_ours = self.settings.engine == "template"
        way: Attempt = attempt_otherwise if is_ours else attempt
        pool = [series] if can_be_registered(series) else candidates
        registered, refused = register_session(
            pool,
            self.template,
            self.settings,
            way,
        )
        settings = self.settings.model_copy(update={"engine": "template"})
        last = refused[-1] if refused else None
        return _accepted(
            registered or last,
            Action.ENGINE,
            settings,
        )

    def _by_landmarks(self, series: HeadSeries, points: Sequence[Point]) -> Registered | Refused:
        places = {point.name: np.array([point.x, point.y, point.z]) for point in points}
        try:
            return attempt_by_landmarks(
                places,
                series,
                self.template,
                self.settings,
            )
        except UsageError as error:
            raise Withheld(Reason.GATE_FEATURES, str(error)) from None

    def whole(self, series: HeadSeries, held: Held) -> DefacePlan | Held:
        """The end of a withheld series that somebody says is not a head.

        It goes out whole unless the gate takes it for a head.
        """
        if not self.of_series(series.name).no_head or held.reason not in NOT_YET_A_HEAD:
            return held
        if can_be_registered(series) and self._is_head(series):
            return Held(Reason.TAKEN_FOR_HEAD, held.detail)
        return DefacePlan(
            SeriesState.NOT_A_HEAD,
            "a person",
            by_person=("not-a-head",),
        )

    def _is_head(self, series: HeadSeries) -> bool:
        """Whether the gate finds a head, even one that it would not mask."""
        outcome = attempt(series, self.template, self.settings)
        return isinstance(outcome, Registered) or outcome.reason is Reason.GATE_BRAIN


def _with_margin(settings: DefaceSettings) -> DefaceSettings:
    """Points that a person sets are a little off: the region grows as on carried series."""
    margin = max(settings.margin_mm, settings.carried_margin_mm)
    return settings.model_copy(update={"margin_mm": margin})


def _accepted(
    outcome: Registered | Refused | None, asked_as: Action, settings: DefaceSettings
) -> AskedHead:
    if isinstance(outcome, Registered):
        return AskedHead(outcome, asked_as, settings)
    if outcome is None:
        raise Withheld(Reason.NO_HEAD_REGISTERED, asked_as.value)
    raise Withheld(outcome.reason, f"{outcome.detail} by {asked_as.value}")
