"""Deface: one registration for a session, and for each series the mask it gets. Writes no image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from deidflow.errors import Withheld
from deidflow.face.anchor import anchor_of, register_session
from deidflow.face.candidate import Refused, Registered
from deidflow.face.engines import engine_of
from deidflow.face.mask import Field, save_field
from deidflow.face.other_body_part import shows_no_head
from deidflow.face.series import About, HeadSeries, scope_rule_for
from deidflow.face.session import Carrier, MaskPlan
from deidflow.face.template import Template, load_template
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder
from deidflow.release.decisions import Action, chosen
from deidflow.settings.face import DefaceSettings
from deidflow.states import SeriesState
from deidflow.steps.common import guarded
from deidflow.steps.results import (
    ConvertResult,
    DefacePlan,
    DefaceResult,
    Held,
    MaskFields,
    RefusedHead,
)
from deidflow.steps.step import Step, StepJob
from deidflow.steps.volumes import read_volumes
from deidflow.store.files import digest_of, sha256_of
from deidflow.verdicts import Reason

Plans = dict[str, DefacePlan | Held]
_DECIMALS = 4
ASKED_MARGIN_MM = 4.0
"""Further growth of the face region on a series for which a person asked."""


def deface_session(job: StepJob) -> DefaceResult:
    """A state and a mask for each series; what must not go out is withheld with its reason.

    The fields that masks need are written as .npz files, named in the result.
    """
    order, session = job.read_order()
    series, unread = _read(job, order, session)
    settings = job.settings.deface
    head = _Head(
        job,
        settings,
        load_template(job.template),
    )
    candidates = [row for row in series if may_be_head(row.about, settings)]
    registered, refused = register_session(
        candidates,
        head.template,
        settings,
    )
    if registered is None:
        reference = None
        plans = head.without(series, refused)
    else:
        reference = registered.series.name
        plans = head.carried(registered, series)

    return DefaceResult(
        reference=reference,
        refused=tuple(_refused(candidate) for candidate in refused),
        series={**plans, **unread},
    )


def _read(
    job: StepJob, order: WorkOrder, session: SessionOrder
) -> tuple[list[HeadSeries], dict[str, Held]]:
    """The volumes of each series, and the series that cannot be read."""
    readable: list[HeadSeries] = []
    unread: dict[str, Held] = {}
    for series in session.series:
        volumes = guarded(partial(_volumes, job, order, series))
        if isinstance(volumes, Held):
            unread[series.name] = volumes
        else:
            readable.append(volumes)
    return readable, unread


def _volumes(job: StepJob, order: WorkOrder, series: SeriesOrder) -> HeadSeries:
    converted = job.output("convert", ConvertResult)
    folder = converted.folder / series.name
    images = sorted(folder.glob("image*.nii.gz"))
    image = images[0] if images else None
    return read_volumes(
        order,
        series,
        job.scratch,
        image,
    )


def may_be_head(about: About, settings: DefaceSettings) -> bool:
    """Not what a rule spares, nor what its attributes call another part of the body."""
    rule = scope_rule_for(about, settings)
    if rule is not None:
        return rule.action == "force"
    return not about.says_other_body_part


def decide_without_head(
    series: HeadSeries, settings: DefaceSettings, level: str
) -> DefacePlan | Held | None:
    """The end of a series that a rule spares, or that its attributes call another part of the body.

    The image has the last word. None where the series is treated as a head.
    """
    if may_be_head(series.about, settings):
        return None

    rule = scope_rule_for(series.about, settings)
    spared_anyway = rule is not None and level == "low"
    if not spared_anyway and not shows_no_head(series):
        return None if rule is None else Held(Reason.SKIP_REFUSED)
    if rule is None:
        return DefacePlan(
            SeriesState.NOT_A_HEAD,
            "attributes and image",
        )
    return DefacePlan(SeriesState.SPARED, rule.reason)


@dataclass(frozen=True)
class _Head:
    job: StepJob
    settings: DefaceSettings
    template: Template

    def carried(self, registered: Registered, series: Sequence[HeadSeries]) -> Plans:
        """The mask of the registered head, carried to every series."""
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
            series,
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
            plans[head.name] = plan
        return plans

    def _locate(self, registered: Registered) -> Field:
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
            mask=self._kept_fields(series.name, plan),
            figures=_numbers(plan.figures),
            forced="" if rule is None else rule.reason,
        )

    def _asked_margin(self, series: str) -> float:
        """What a person who looked at the series added, in mm."""
        action = self.job.decisions.get(series)
        return ASKED_MARGIN_MM if action is Action.MARGIN else 0.0

    def _kept_fields(self, series: str, plan: MaskPlan) -> MaskFields:
        """The fields of a mask, kept once for all series that share them."""
        anchor = plan.anchor
        brain = f"brain-{anchor.name}.npz"
        face = ""
        fields = {brain: anchor.brain}
        if anchor.face.distance is not self.template.distance:
            face = f"face-{anchor.name}.npz"
            fields[face] = anchor.face

        hashes = []
        for name, field in fields.items():
            path = self.job.scratch / name
            if not path.exists():
                save_field(field, path)
            hashes.append(sha256_of(path))
        return MaskFields(
            brain=brain,
            face=face,
            digest=digest_of(hashes),
            face_affine=anchor.face.affine.tolist(),
            motion=plan.motion.tolist(),
            margin_mm=plan.margin_mm + self._asked_margin(series),
            brain_margin_mm=anchor.brain_margin_mm,
        )


def _numbers(figures: Mapping[str, float]) -> dict[str, float | None]:
    numbers: dict[str, float | None] = {}
    for name, value in figures.items():
        is_number = not math.isnan(value)
        numbers[name] = round(float(value), _DECIMALS) if is_number else None
    return numbers


def _refused(candidate: Refused) -> RefusedHead:
    return RefusedHead(
        series=candidate.series,
        reason=candidate.reason,
        detail=candidate.detail,
        figures=_numbers(candidate.figures),
    )


def _key(job: StepJob) -> list[Any]:
    settings = job.settings.deface
    unseen = {"when", "fill", "image_type"}
    # Our own engine reads the planes of the source; only other engines see the NIfTI.
    is_ours = settings.engine == "template"
    converted = "" if is_ours else job.outputs["convert"].digest
    configuration = settings.model_dump(mode="json", exclude=unseen)
    key: list[Any] = [
        job.content,
        converted,
        configuration,
        job.settings.level,
        job.template.name,
    ]
    enlarged = chosen(job.decisions, Action.MARGIN)
    return [*key, enlarged] if enlarged else key


def _is_asked_for(job: StepJob) -> bool:
    return job.settings.defacing


DEFACE = Step(
    name="deface",
    needs=(),
    key=_key,
    work=deface_session,
    result=DefaceResult,
    tools=("SimpleITK", "numpy", "scipy", "pydeface"),
    data=("standard/body_parts.yaml",),
    applies=_is_asked_for,
)
