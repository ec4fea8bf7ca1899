"""The gate: does the registration fit a head? What fails any test is quarantined, never released.

G1: two registrations that differ in more than their seed agree at the face. G2: features of the
warped template on the subject's own head. On CT the subject's brain must be where the template's
is, or the engines for MR must agree too. A value that is not a number fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deidflow.face.affine import Array, apply, inverse
from deidflow.face.cranium import size_of
from deidflow.face.features import (
    Features,
    brain_features,
    face_is_empty,
    features,
    features_by_light,
)
from deidflow.face.prepare import Resonance, Tomography
from deidflow.face.template import Template
from deidflow.settings.face import GateSettings

AGREEMENT, OTHERS = "agreement_mm", "others_mm"
"""The figures of G1: distances to the second registration and, on CT, to those for MR."""
_FEWEST_FRONT_PIXELS = 200
_FACE_SHARE = 0.02
"""With less of the face in view a cut surface is seen from the front, as `face_cut` proves."""


@dataclass(frozen=True)
class Limit:
    """What a figure must keep to; what is not a number keeps to nothing."""

    figure: str
    least: float = -math.inf
    most: float = math.inf

    def allows(self, figures: Features) -> bool:
        """Whether the figure is within the limits."""
        return self.least <= figures[self.figure] <= self.most


@dataclass(frozen=True)
class GateDecision:
    """The gate's decision and its figures; `failed` names the first test not passed."""

    failed: str
    features: Features

    @property
    def passed(self) -> bool:
        """Whether the registration may be used."""
        return not self.failed


def agreement(first: Array, second: Array, template: Template) -> float:
    """Mean distance in mm, in the subject, of the template's face surface under two registrations.

    Both map subject world to template world.
    """
    surface = template.points["surface"]
    face = apply(inverse(first), surface)
    other = apply(inverse(second), surface)
    apart = face - other
    distances = np.linalg.norm(apart, axis=1)
    return float(distances.mean())


def judge(
    head: Resonance,
    affine: Array,
    distance: float,
    template: Template,
    settings: GateSettings,
) -> GateDecision:
    """Apply G1 and G2 to a registration on MR (subject world -> template world).

    `distance` is how far in mm the second registration lies from it.
    """
    decisions: list[GateDecision] = []
    for seen in features_by_light(head, affine, template):
        figures = {AGREEMENT: distance, **seen}
        decision = _decided(figures, _resonance_limits(figures, settings))
        if decision.passed or decision.failed == AGREEMENT:
            return decision
        decisions.append(decision)
    return decisions[0]


def _resonance_limits(figures: Features, settings: GateSettings) -> list[Limit]:
    """Limits for MR."""
    limits = [
        Limit(AGREEMENT, most=settings.agreement_mm),
        Limit(
            "head_in_template",
            least=settings.head_in_template_min,
        ),
        Limit(
            "outer_in_head",
            most=settings.outer_in_head_max,
        ),
        Limit("contrast", least=settings.contrast_min),
    ]
    if not figures["scalp_fit"] >= settings.scalp_fit_min:
        limits.append(_cranium_limit(settings))
    return limits + _common_limits(figures, settings)


def judge_tomography(
    head: Tomography,
    affine: Array,
    distance: float,
    others: Callable[[], Sequence[float]],
    template: Template,
    settings: GateSettings,
) -> GateDecision:
    """The same for CT; `others` gives distances to the engines for MR.

    They are asked only where the brain does not decide. It proves the size as well, also on slabs
    that are too thin for the ball in the cranium.
    """
    figures = {
        AGREEMENT: distance,
        **features(head, affine, template),
        **brain_features(head, affine, template),
    }
    limits = [Limit(AGREEMENT, most=settings.agreement_mm)]
    if not _proven_by_brain(figures, size_of(affine), settings):
        if distance <= settings.agreement_mm:
            figures[OTHERS] = max(others())
        limits.append(Limit(OTHERS, most=settings.agreement_mm))
        limits.append(_cranium_limit(settings))

    limits += _common_limits(figures, settings)
    return _decided(figures, limits)


def _proven_by_brain(figures: Features, head_size: float, settings: GateSettings) -> bool:
    """Whether the subject's brain has the size of one and lies where the template's is."""
    size = Limit(
        "brain_ml",
        least=head_size**3 * settings.brain_min_ml,
        most=settings.brain_max_ml,
    )
    place = Limit("brain_dice", least=settings.brain_dice_min)
    return size.allows(figures) and place.allows(figures)


def _cranium_limit(settings: GateSettings) -> Limit:
    return Limit(
        "cranium_ratio",
        least=settings.cranium_ratio_min,
        most=settings.cranium_ratio_max,
    )


def _common_limits(figures: Features, settings: GateSettings) -> list[Limit]:
    """Limits for every kind of image."""
    limits = [
        Limit(
            "volume_scale",
            least=settings.volume_scale_min,
            most=settings.volume_scale_max,
        ),
        Limit("head_dice", least=settings.head_dice_min),
        Limit(
            "vault_in_head",
            least=settings.vault_in_head_min,
        ),
        Limit("face_cut", least=settings.face_cut_min),
        Limit(
            "forehead_changed",
            most=settings.forehead_changed_max,
        ),
    ]
    shows_front = figures["front_pixels"] >= _FEWEST_FRONT_PIXELS
    shows_face = figures["face_in_view"] >= _FACE_SHARE
    if shows_front and shows_face and not face_is_empty(figures):
        limits.append(
            Limit(
                "face_changed",
                least=settings.face_changed_min,
            )
        )
    return limits


def _decided(figures: Features, limits: Sequence[Limit]) -> GateDecision:
    """The decision by the first limit that is not kept."""
    for limit in limits:
        if not limit.allows(figures):
            return GateDecision(limit.figure, figures)
    return GateDecision("", figures)
