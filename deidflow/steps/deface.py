"""Deface: one registration for a session, and for each series the mask it gets. Writes no image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
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
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder, read_order
from deidflow.settings.face import DefaceSettings
from deidflow.steps.common import NOT_A_HEAD, SPARED, SeriesResult, guarded, withheld
from deidflow.steps.volumes import read_volumes
from deidflow.store.files import digest_of, sha256_of
from deidflow.verdicts import Reason


@dataclass(frozen=True)
class Places:
    """Where the step reads and writes: work order, NIfTI of the session, template, its outputs, its tools' log."""

    order: str
    converted: str
    template: str
    outputs: str
    log: str


def deface_session(
    label: str, places: Places, level: str, settings: DefaceSettings
) -> dict[str, Any]:
    """A state and a mask for each series of a session; what must not go out is withheld with its reason.

    Fields that masks need lie in `outputs` as .npz files, named in the result.
    """
    order = read_order(Path(places.order))
    session = order.session(label)
    series, unread = _read(order, session, places)
    step = _Step(load_template(Path(places.template)), settings, places, level)
    registered, refused = register_session(
        [one for one in series if may_be_head(one.about, settings)], step.template, settings
    )
    results = step.carried(registered, series) if registered else step.without_head(series, refused)
    return {
        "reference": registered.series.name if registered else None,
        "refused": [_row(one) for one in refused],
        "series": results | unread,
    }


def _read(
    order: WorkOrder, session: SessionOrder, places: Places
) -> tuple[list[HeadSeries], dict[str, SeriesResult]]:
    found: list[HeadSeries] = []

    def read(one: SeriesOrder) -> SeriesResult:
        images = sorted((Path(places.converted) / one.name).glob("image*.nii.gz"))
        found.append(read_volumes(order, one, Path(places.outputs), images[0] if images else None))
        return {"state": "read"}

    results = {one.name: guarded(lambda one=one: read(one)) for one in session.series}  # type: ignore[misc]
    return found, {name: result for name, result in results.items() if result["state"] != "read"}


def may_be_head(about: About, settings: DefaceSettings) -> bool:
    """Not what a rule spares, nor what its attributes call another part of the body."""
    rule = scope_rule_for(about, settings)
    if rule is not None:
        return rule.action == "force"
    return not about.says_other_body_part


def decide_without_head(
    series: HeadSeries, settings: DefaceSettings, level: str
) -> SeriesResult | None:
    """The end of a series that attributes or a rule take for another part of the body; the image has the last word.

    None where the series goes the way of heads.
    """
    if may_be_head(series.about, settings):
        return None
    rule = scope_rule_for(series.about, settings)
    spared_anyway = rule is not None and level == "low"
    if spared_anyway or shows_no_head(series):
        state = NOT_A_HEAD if rule is None else SPARED
        return {"state": state, "how": "attributes and image" if rule is None else rule.reason}
    return None if rule is None else withheld(Reason.SKIP_REFUSED)


@dataclass(frozen=True)
class _Step:
    template: Template
    settings: DefaceSettings
    places: Places
    level: str

    def carried(
        self, registered: Registered, series: Sequence[HeadSeries]
    ) -> dict[str, SeriesResult]:
        """The mask of the registered head, carried to every series."""
        try:
            anchor = anchor_of(registered, self._locate, self.settings)
        except Withheld as held:
            return {one.name: withheld(held.reason, held.detail) for one in series}
        carrier = Carrier.of(anchor, self.template, self.settings, self._locate, series)
        return self._each(series, lambda one: self._masked(one, carrier.plan_for(one)))

    def without_head(
        self, series: Sequence[HeadSeries], refused: Sequence[Refused]
    ) -> dict[str, SeriesResult]:
        """No head in this session: what shows another part of the body may go, all else is withheld."""
        why = {one.series: withheld(one.reason, one.detail) for one in refused}
        other = Reason.SIBLING_HELD if refused else Reason.NO_HEAD_REGISTERED
        return self._each(series, lambda one: why.get(one.name, withheld(other)))

    def _each(
        self, series: Sequence[HeadSeries], work: Callable[[HeadSeries], SeriesResult]
    ) -> dict[str, SeriesResult]:
        no_heads = self._no_heads(series)
        results = {}
        for one in series:
            results[one.name] = no_heads.get(one.name) or guarded(lambda one=one: work(one))  # type: ignore[misc]
        return results

    def _no_heads(self, series: Sequence[HeadSeries]) -> dict[str, SeriesResult]:
        """Series that attributes or a rule take for another part of the body; each one's image has the last word."""
        decided = {one.name: decide_without_head(one, self.settings, self.level) for one in series}
        return {name: result for name, result in decided.items() if result is not None}

    def _locate(self, registered: Registered) -> Field:
        engine = engine_of(self.settings, Path(self.places.outputs), Path(self.places.log))
        return engine.face(registered, self.template)

    def _masked(self, series: HeadSeries, fate: MaskPlan) -> SeriesResult:
        """A fate as a row of the result; its fields are kept beside it."""
        name, folder = fate.anchor.name, Path(self.places.outputs)
        files = {"brain": f"brain-{name}.npz", "face": f"face-{name}.npz"}
        if fate.anchor.face.distance is self.template.distance:
            files["face"] = ""
        fields = {"brain": fate.anchor.brain, "face": fate.anchor.face}
        for kind, file in files.items():
            if file and not (folder / file).exists():
                save_field(fields[kind], folder / file)
        digest = digest_of([sha256_of(folder / file) for file in files.values() if file])
        mask = {
            **files,
            "digest": digest,
            "face_affine": fate.anchor.face.affine.tolist(),
            "motion": fate.motion.tolist(),
            "margin_mm": fate.margin_mm,
            "brain_margin_mm": fate.anchor.brain_margin_mm,
        }
        rule = scope_rule_for(series.about, self.settings)
        row: SeriesResult = {
            "state": fate.state,
            "how": fate.how,
            "mask": mask,
            "figures": _numbers(fate.figures),
        }
        return row | ({"forced": rule.reason} if rule is not None else {})


def _numbers(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {
        name: None if math.isnan(value) else round(float(value), 4)
        for name, value in figures.items()
    }


def _row(refused: Refused) -> dict[str, Any]:
    return asdict(refused) | {
        "reason": str(refused.reason.value),
        "figures": _numbers(refused.figures),
    }
