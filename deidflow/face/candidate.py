"""One series registered to the template and put through the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from deidflow.face.affine import Array
from deidflow.face.brain import Brain, BrainSource, brain_of
from deidflow.face.face_in_view import FaceState, in_view, state_in_view
from deidflow.face.features import Features, face_is_empty
from deidflow.face.gate import AGREEMENT, OTHERS, GateDecision, agreement, judge, judge_tomography
from deidflow.face.mask import Field, WorldMask
from deidflow.face.prepare import Head, Resonance, Tomography
from deidflow.face.register import register
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image
from deidflow.settings.face import DefaceSettings
from deidflow.verdicts import Reason

_LEAST_DICE_OF_DEFACED = 0.55
_SECOND_SEED = 3


@dataclass(frozen=True)
class Registered:
    """An accepted registration; its affine maps subject world to template world."""

    series: HeadSeries
    affine: Array
    state: FaceState
    brain: Brain
    figures: Features
    head: Head
    """The largest stack as it was registered."""


@dataclass(frozen=True)
class Refused:
    """A head that did not pass: why, and the figures."""

    series: str
    reason: Reason
    detail: str
    figures: Features


@dataclass(frozen=True)
class Registration:
    """A head, where it lies in the template, and what the gate says of it."""

    head: Head
    affine: Array
    decision: GateDecision


Register = Callable[[Image, Template, DefaceSettings], Registration]
"""One way to register a volume."""


def attempt(
    series: HeadSeries, template: Template, settings: DefaceSettings
) -> Registered | Refused:
    """Register the largest stack of a series by two engines and judge it.

    What cannot be computed is refused.
    """
    register_head = _register_resonance
    if series.about.modality == "CT":
        register_head = _register_tomography
    return attempt_by(series, template, settings, register_head)


def attempt_by(
    series: HeadSeries,
    template: Template,
    settings: DefaceSettings,
    register_head: Register,
) -> Registered | Refused:
    """What comes of one way to register a series; what cannot be computed is refused."""
    try:
        registration = register_head(series.main, template, settings)
        return _judged(series, registration, template, settings)
    except (RuntimeError, ValueError, ArithmeticError, IndexError) as error:
        return Refused(
            series=series.name,
            reason=Reason.GATE_FEATURES,
            detail=type(error).__name__,
            figures={},
        )


def _register_resonance(
    volume: Image, template: Template, settings: DefaceSettings
) -> Registration:
    """A head on MR by engines A and B; the second one's registration is used."""
    head = Resonance.of(volume)
    plain = register(head.windowed, template.plain)
    affine = register(head.ranked, template.ranked)

    distance = agreement(plain, affine, template)
    decision = judge(
        head,
        affine,
        distance=distance,
        template=template,
        settings=settings.gate,
    )
    return Registration(
        head=head,
        affine=affine,
        decision=decision,
    )


def _register_tomography(
    volume: Image, template: Template, settings: DefaceSettings
) -> Registration:
    """A head on CT by its labels, from two seeds; if need be by the engines for MR too."""
    head = Tomography.of(volume)
    labels = head.labels
    affine = register(labels, template.labels)
    again = register(
        labels,
        template.labels,
        seed=_SECOND_SEED,
    )

    decision = judge_tomography(
        head,
        affine,
        distance=agreement(again, affine, template),
        others=partial(
            _resonance_distances,
            volume,
            affine,
            template,
        ),
        template=template,
        settings=settings.gate,
    )
    return Registration(
        head=head,
        affine=affine,
        decision=decision,
    )


def _resonance_distances(volume: Image, affine: Array, template: Template) -> list[float]:
    """How far in mm the registrations of engines A and B lie from one of a CT."""
    head = Resonance.of(volume)
    plain = register(head.windowed, template.plain)
    ranked = register(head.ranked, template.ranked)
    return [
        agreement(plain, affine, template),
        agreement(ranked, affine, template),
    ]


def _judged(
    series: HeadSeries,
    registration: Registration,
    template: Template,
    settings: DefaceSettings,
) -> Registered | Refused:
    """What the gate, the subject's brain and the face say of a registration."""
    affine, decision = registration.affine, registration.decision
    if not decision.passed:
        return Refused(
            series=series.name,
            reason=_reason_of(decision),
            detail=decision.failed,
            figures=decision.features,
        )

    brain = brain_of(
        registration.head,
        affine=affine,
        template=template,
    )
    figures = {
        **decision.features,
        **_brain_and_view(
            series,
            brain,
            affine,
            template,
            settings,
        ),
    }
    failure = _brain_or_empty_face(series, figures, settings)
    if failure is not None:
        return failure
    return Registered(
        series=series,
        affine=affine,
        state=_state(series, affine, figures, template),
        brain=brain,
        figures=figures,
        head=registration.head,
    )


def _brain_and_view(
    series: HeadSeries,
    brain: Brain,
    affine: Array,
    template: Template,
    settings: DefaceSettings,
) -> Features:
    """The subject's brain, how much skin is in view, and the brain that the face region reaches."""
    own_brain_ml = 0.0
    if brain.source is BrainSource.OWN:
        own_brain_ml = brain.millilitres

    front = template.points["front"]
    mask = WorldMask(
        face=Field(template.distance, affine),
        margin_mm=settings.margin_mm,
        brain=None,
        brain_margin_mm=0.0,
    )
    return {
        "own_brain_ml": own_brain_ml,
        "front_in_view": in_view(series.main, affine, front, 0.0),
        "brain_reached_ml": mask.taken(brain.mask),
    }


def _brain_or_empty_face(
    series: HeadSeries, figures: Features, settings: DefaceSettings
) -> Refused | None:
    """The refusal of a head whose brain lies in the face, or that is no head without its face."""
    if figures["brain_reached_ml"] > settings.gate.brain_reached_max_ml:
        return Refused(
            series=series.name,
            reason=Reason.GATE_BRAIN,
            detail="brain_reached_ml",
            figures=figures,
        )
    if face_is_empty(figures) and figures["head_dice"] < _LEAST_DICE_OF_DEFACED:
        return Refused(
            series=series.name,
            reason=Reason.GATE_FEATURES,
            detail="head_dice",
            figures=figures,
        )
    return None


def _state(series: HeadSeries, affine: Array, figures: Features, template: Template) -> FaceState:
    """What the mask does to a registered series."""
    if face_is_empty(figures):
        return FaceState.ALREADY_DEFACED
    return state_in_view(series, affine, template)


def _reason_of(decision: GateDecision) -> Reason:
    """The reason by which test failed."""
    if decision.failed in (AGREEMENT, OTHERS):
        return Reason.GATE_AGREEMENT
    return Reason.GATE_FEATURES
