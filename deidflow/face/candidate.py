"""One series registered to the template and put through the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deidflow.face.affine import Array
from deidflow.face.brain import Brain, brain_of
from deidflow.face.features import Features, face_is_empty
from deidflow.face.gate import GateDecision, agreement, judge, judge_tomography
from deidflow.face.mask import Field, WorldMask, in_view
from deidflow.face.prepare import Resonance, Tomography
from deidflow.face.register import register
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image
from deidflow.settings.face import DefaceSettings
from deidflow.verdicts import Reason

_NO_FACE_SHARE, _NO_FACE_MARGIN_MM, _BROW_SHARE = 0.02, 15.0, 0.10
_LEAST_DICE_OF_DEFACED = 0.55
_SECOND_SEED = 3


@dataclass(frozen=True)
class Registered:
    """An accepted registration: its series, affine (subject world -> template world), brain and figures."""

    series: HeadSeries
    affine: Array
    state: str
    brain: Brain
    figures: Features


@dataclass(frozen=True)
class Refused:
    """A head that did not pass: why, and the figures."""

    series: str
    reason: Reason
    detail: str
    figures: Features


def attempt(
    series: HeadSeries, template: Template, settings: DefaceSettings
) -> Registered | Refused:
    """Register the largest stack of a series by two engines and judge it; what cannot be computed is refused."""
    try:
        if series.about.modality == "CT":
            return _judged(
                series, *_tomography(series.main, template, settings), template, settings
            )
        return _judged(series, *_resonance(series.main, template, settings), template, settings)
    except (RuntimeError, ValueError, ArithmeticError, IndexError) as error:
        return Refused(series.name, Reason.GATE_FEATURES, type(error).__name__, {})


def _resonance(
    volume: Image, template: Template, settings: DefaceSettings
) -> tuple[Any, Array, GateDecision]:
    head = Resonance.of(volume)
    plain = register(head.windowed, template.plain)
    affine = register(head.ranked, template.ranked)
    distance = agreement(plain, affine, template)
    return head, affine, judge(head, affine, distance, template, settings.gate)


def _tomography(
    volume: Image, template: Template, settings: DefaceSettings
) -> tuple[Any, Array, GateDecision]:
    head = Tomography.of(volume)
    labels = head.labels
    affine = register(labels, template.labels)
    distance = agreement(register(labels, template.labels, seed=_SECOND_SEED), affine, template)

    def others() -> list[float]:
        as_resonance = Resonance.of(volume)
        pairs = (as_resonance.windowed, template.plain), (as_resonance.ranked, template.ranked)
        return [agreement(register(image, target), affine, template) for image, target in pairs]

    return head, affine, judge_tomography(head, affine, distance, others, template, settings.gate)


def _judged(
    series: HeadSeries,
    head: Any,
    affine: Array,
    verdict: GateDecision,
    template: Template,
    settings: DefaceSettings,
) -> Registered | Refused:
    if verdict.failed:
        reason = (
            Reason.GATE_AGREEMENT
            if verdict.failed in ("agreement_mm", "others_mm")
            else Reason.GATE_FEATURES
        )
        return Refused(series.name, reason, verdict.failed, verdict.features)
    brain = brain_of(head, affine, template.brain)
    figures = verdict.features | {
        "own_brain_ml": brain.millilitres if brain.source == "own" else 0.0
    }
    figures["front_in_view"] = in_view(series.main, affine, template.points["front"], 0.0)
    reached = WorldMask(Field(template.distance, affine), settings.margin_mm, None, 0.0).taken(
        brain.mask
    )
    figures["brain_reached_ml"] = reached
    if reached > settings.gate.brain_reached_max_ml:
        return Refused(series.name, Reason.GATE_BRAIN, "brain_reached_ml", figures)
    if face_is_empty(figures):
        if figures["head_dice"] < _LEAST_DICE_OF_DEFACED:
            return Refused(series.name, Reason.GATE_FEATURES, "head_dice", figures)
        return Registered(series, affine, "already defaced", brain, figures)
    return Registered(series, affine, state_in_view(series, affine, template), brain, figures)


def state_in_view(series: HeadSeries, affine: Array, template: Template) -> str:
    """`no face in view` where the face, grown by 15 mm, and all skin but the brow lie outside all stacks.

    Only stacks that could show a face say so.
    """
    face, skin = (
        max(in_view(stack, affine, template.points[name], margin) for stack in series.stacks)
        for name, margin in (("face", _NO_FACE_MARGIN_MM), ("front", 0.0))
    )
    none = face < _NO_FACE_SHARE and skin < _BROW_SHARE and series.is_thick
    return "no face in view" if none else "defaced"
