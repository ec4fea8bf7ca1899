"""The gate: does the registration fit a head? What fails any test is quarantined, never released.

G1: two registrations that differ in more than their seed agree at the face. G2: features of the
warped template on the subject's own head. On CT the subject's brain must be where the template's is, or
the engines for MR must agree too. A value that is not a number fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deidflow.face.affine import Array, apply, inverse
from deidflow.face.features import Features, brain_features, face_is_empty, features
from deidflow.face.prepare import Resonance, Tomography
from deidflow.face.template import Template
from deidflow.settings.face import GateSettings

_FEWEST_FRONT_PIXELS = 200
Test = tuple[str, Callable[[float], bool]]


@dataclass(frozen=True)
class GateDecision:
    """The gate's decision with every figure it rests on; `failed` names the first test not passed."""

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
    apart = apply(inverse(first), surface) - apply(inverse(second), surface)
    return float(np.linalg.norm(apart, axis=1).mean())


def judge(
    head: Resonance, affine: Array, distance: float, template: Template, settings: GateSettings
) -> GateDecision:
    """Apply G1 and G2 to a registration on MR (subject world -> template world)."""
    found = {"agreement_mm": distance, **features(head, affine, template)}
    tests: list[Test] = [
        ("agreement_mm", lambda value: value <= settings.agreement_mm),
        ("head_in_template", lambda value: value >= settings.head_in_template_min),
        ("outer_in_head", lambda value: value <= settings.outer_in_head_max),
        ("contrast", lambda value: value >= settings.contrast_min),
    ]
    return _decided(found, tests + _common(found, settings))


def judge_tomography(
    head: Tomography,
    affine: Array,
    distance: float,
    others: Callable[[], Sequence[float]],
    template: Template,
    settings: GateSettings,
) -> GateDecision:
    """The same for CT; `others` gives distances to the engines for MR, asked only where the brain does not decide."""
    found = {
        "agreement_mm": distance,
        **features(head, affine, template),
        **brain_features(head, affine, template),
    }
    tests: list[Test] = [("agreement_mm", lambda value: value <= settings.agreement_mm)]
    by_brain = settings.brain_min_ml <= found["brain_ml"] <= settings.brain_max_ml
    if by_brain and found["brain_dice"] >= settings.brain_dice_min:
        return _decided(found, tests + _common(found, settings))
    if distance <= settings.agreement_mm:
        found["others_mm"] = max(others())
    tests.append(("others_mm", lambda value: value <= settings.agreement_mm))
    return _decided(found, tests + _common(found, settings))


def _common(found: Features, settings: GateSettings) -> list[Test]:
    """Tests of every kind of image."""
    tests: list[Test] = [
        (
            "volume_scale",
            lambda value: settings.volume_scale_min <= value <= settings.volume_scale_max,
        ),
        ("head_dice", lambda value: value >= settings.head_dice_min),
        ("vault_in_head", lambda value: value >= settings.vault_in_head_min),
        ("face_cut", lambda value: value >= settings.face_cut_min),
        ("forehead_changed", lambda value: value <= settings.forehead_changed_max),
    ]
    if found["front_pixels"] >= _FEWEST_FRONT_PIXELS and not face_is_empty(found):
        tests.append(("face_changed", lambda value: value >= settings.face_changed_min))
    return tests


def _decided(found: Features, tests: Sequence[Test]) -> GateDecision:
    for name, test in tests:
        if math.isnan(found[name]) or not test(found[name]):
            return GateDecision(name, found)
    return GateDecision("", found)
