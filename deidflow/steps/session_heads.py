"""The heads of a session: which is registered, and the mask that each series gets from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from deidflow.dicom.stored_values import AIR_HU
from deidflow.errors import Withheld
from deidflow.face.affine import compose
from deidflow.face.anchor import FaceRegion, anchor_of, register_session
from deidflow.face.average import gain_of
from deidflow.face.candidate import Refused, Registered
from deidflow.face.engines import engine_of
from deidflow.face.mask_plan import MaskPlan
from deidflow.face.series import HeadSeries, scope_rule_for
from deidflow.face.session import Carrier
from deidflow.face.template import Template, load_template
from deidflow.release.decisions import Action
from deidflow.settings.face import DefaceSettings
from deidflow.states import SeriesState
from deidflow.steps.asked_heads import AskedHead, AskedHeads
from deidflow.steps.common import guarded
from deidflow.steps.figures import numbers, refused_head
from deidflow.steps.head_volumes import read_volumes_of
from deidflow.steps.mask_fields import keep_fields
from deidflow.steps.results import (
    AverageFields,
    DefacePlan,
    DefaceResult,
    Held,
    MaskFields,
)
from deidflow.steps.scope import decide_without_head, may_be_head
from deidflow.steps.step import StepJob
from deidflow.verdicts import Reason

_NO_PLACE = DefacePlan(SeriesState.NOT_A_HEAD, "a picture, which `inspect` judges")
_NO_IMAGE = DefacePlan(SeriesState.NOT_A_HEAD, "an object that is no image")
Plans = dict[str, DefacePlan | Held]


def deface(job: StepJob) -> DefaceResult:
    """A state and a mask for each series; what must not go out is withheld with its reason.

    The fields that masks need are written as .npz files, named in the result.
    """
    order, session = job.read_order()
    series, unread = read_volumes_of(job, order, session)
    settings = job.settings.deface
    template = load_template(job.template)
    head = _Head(
        job,
        settings,
        template,
        AskedHeads.of(job, session, template),
    )
    others = {
        row.name: _NO_PLACE if row.is_picture else _NO_IMAGE
        for row in session.series
        if not row.has_volumes
    }
    candidates = [row for row in series if may_be_head(row.about, settings)]
    registered, refused = register_session(
        candidates,
        head.template,
        settings,
    )
    if registered is None:
        asked = head.people.first(candidates)
        if asked is not None:
            head, registered = head.of_asked(asked), asked.registered

    if registered is None:
        reference = None
        plans = head.without(series, refused)
    else:
        reference = registered.series.name
        plans = head.carried(registered, series)

    plans |= head.asked_for(series, candidates)
    return DefaceResult(
        reference=reference,
        refused=tuple(refused_head(candidate) for candidate in refused),
        series={**plans, **unread, **others},
    )


@dataclass(frozen=True)
class _Head:
    job: StepJob
    settings: DefaceSettings
    template: Template
    people: AskedHeads
    asked_as: str = ""
    """What a person asked for whose head this is; empty for the session's own."""

    def of_asked(self, head: AskedHead) -> _Head:
        """The same for a head that was registered as a person asked."""
        return replace(
            self,
            settings=head.settings,
            asked_as=head.asked_as.value,
        )

    def asked_for(self, series: Sequence[HeadSeries], candidates: Sequence[HeadSeries]) -> Plans:
        """The masks of series for which somebody asked for another head than the session's."""
        plans: Plans = {}
        for head in series:
            if self.people.is_asked_for(head.name):
                plans[head.name] = guarded(
                    partial(
                        self._as_asked,
                        head,
                        series,
                        candidates,
                    )
                )
        return plans

    def _as_asked(
        self,
        series: HeadSeries,
        siblings: Sequence[HeadSeries],
        candidates: Sequence[HeadSeries],
    ) -> DefacePlan | Held:
        asked = self.people.head_for(series, candidates)
        plans = self.of_asked(asked).carried(
            asked.registered,
            siblings,
            only=series.name,
        )
        return plans[series.name]

    def carried(
        self, registered: Registered, series: Sequence[HeadSeries], only: str = ""
    ) -> Plans:
        """The mask of the registered head, carried to every series, or to one of them."""
        try:
            anchor = anchor_of(
                registered,
                self._locate,
                self.settings,
            )
        except Withheld as error:
            held = Held(error.reason, error.detail)
            return {head.name: held for head in series}

        carrier = Carrier.of(
            anchor,
            self.template,
            self.settings,
            self._locate,
            series,
        )
        return self._each(
            [head for head in series if only in ("", head.name)],
            lambda head: self._masked(head, carrier.plan_for(head)),
        )

    def without(self, series: Sequence[HeadSeries], refused: Sequence[Refused]) -> Plans:
        """No head in this session: what shows another part of the body may go out, nothing else."""
        reasons = {
            candidate.series: Held(candidate.reason, candidate.detail) for candidate in refused
        }
        other = Held(Reason.SIBLING_HELD if refused else Reason.NO_HEAD_REGISTERED)
        return self._each(
            series,
            lambda head: reasons.get(head.name, other),
        )

    def _each(
        self, series: Sequence[HeadSeries], work: Callable[[HeadSeries], DefacePlan | Held]
    ) -> Plans:
        plans: Plans = {}
        for head in series:
            plan = decide_without_head(
                head,
                self.settings,
                self.job.settings.level,
            )
            if plan is None:
                plan = guarded(partial(work, head))
            if isinstance(plan, Held):
                plan = guarded(partial(self.people.whole, head, plan))
            plans[head.name] = plan
        return plans

    def _locate(self, registered: Registered) -> FaceRegion:
        engine = engine_of(
            self.settings,
            self.job.scratch,
            self.job.log,
        )
        return engine.face(registered, self.template)

    def _masked(self, series: HeadSeries, plan: MaskPlan) -> DefacePlan:
        rule = scope_rule_for(series.about, self.settings)
        return DefacePlan(
            state=SeriesState(plan.state),
            how=plan.how,
            mask=self._kept_fields(series, plan),
            region=plan.anchor.kind,
            figures=numbers(plan.figures),
            forced="" if rule is None else rule.reason,
            by_person=self._by_person(series.name),
        )

    def _by_person(self, series: str) -> tuple[str, ...]:
        """What people asked for, of what the mask of a series rests on."""
        asked = [self.asked_as] if self.asked_as else []
        if self.people.margin_mm(series):
            asked.append(Action.MARGIN.value)
        return tuple(asked)

    def _kept_fields(self, series: HeadSeries, plan: MaskPlan) -> MaskFields:
        """The fields of a mask, kept once for all series that share them."""
        anchor = plan.anchor.name
        fields = keep_fields(
            plan,
            f"{self.asked_as}-{anchor}" if self.asked_as else anchor,
            self.template.distance,
            folder=self.job.scratch,
            more_margin_mm=self.people.margin_mm(series.name),
        )
        return replace(fields, average=self._average(series, plan))

    def _average(self, series: HeadSeries, plan: MaskPlan) -> AverageFields | None:
        """How the average face is laid into a series; None where one value is the fill."""
        if self.settings.fill != "average" or not series.shows_real_values:
            return None
        affine = compose(plan.anchor.registered.affine, plan.motion)
        air = AIR_HU if series.about.modality == "CT" else 0.0
        gain = gain_of(
            series.main,
            plan.mask(),
            average=self.template.average,
            affine=affine,
            air=air,
        )
        return AverageFields(affine.tolist(), gain, air) if gain else None
