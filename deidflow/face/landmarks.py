"""A head placed by landmarks of its face that a person set: three to six points, no registration.

The template is turned, moved and scaled so that its own landmarks fall on the points, in the sense
of least squares; sizes along the three axes may differ a little. What passes goes through the gate
like any registration, but for the agreement with a second one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from deidflow.errors import UsageError
from deidflow.face.affine import Array, affine_of, apply, inverse
from deidflow.face.candidate import Refused, Registered, Registration, attempt_by
from deidflow.face.gate import AGREEMENT, OTHERS, GateDecision, judge, judge_tomography
from deidflow.face.prepare import Resonance, Tomography
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image
from deidflow.resources import load_yaml
from deidflow.settings.face import DefaceSettings

Points = Mapping[str, Array]
"""Landmark -> where it is in the subject, LPS mm, shape (3,)."""

FEWEST, MOST = 3, 6
_SMALLEST, _LARGEST = 0.65, 1.35
"""Of the template's size: a head of 40 cm of circumference to one of 75 cm."""
_SIZE_SPREAD = 0.04
"""How much, in log, sizes along the axes differ from each other."""
_MOST_TURNED = 75.0
_MOST_OFF_MM, _MOST_RESIDUAL_MM = 20.0, 10.0
_NARROWEST_MM = 12.0
_ROTATION, _LOG_SIZE, _OFFSET = slice(0, 3), slice(3, 6), slice(6, 9)


@dataclass(frozen=True)
class Landmark:
    """A landmark of the template."""

    at: Array
    """LPS mm of the template, shape (3,)."""
    within_mm: float
    """How well a person hits it."""
    where: str


@lru_cache(maxsize=1)
def template_landmarks() -> dict[str, Landmark]:
    """The landmarks that a person may set, by name."""
    landmarks = {}
    for name, row in load_yaml("standard/face_landmarks.yaml").items():
        landmarks[name] = Landmark(
            at=np.array(row["at"], np.float64),
            within_mm=float(row["within_mm"]),
            where=row["where"],
        )
    return landmarks


def attempt_by_landmarks(
    points: Points, series: HeadSeries, template: Template, settings: DefaceSettings
) -> Registered | Refused:
    """Place a series by landmarks and judge it; raises UsageError where they fit no head."""
    affine = affine_by_landmarks(points)
    judged = _judged_resonance
    if series.about.modality == "CT":
        judged = _judged_tomography
    return attempt_by(
        series,
        template,
        settings,
        partial(judged, affine),
    )


def affine_by_landmarks(points: Points) -> Array:
    """Subject world -> template world by three to six landmarks.

    Raises UsageError, in words for who set them, where they are too few, too near a line, or not
    those of a head.
    """
    _check_points(points)
    names = sorted(points)
    subject = np.stack([points[name] for name in names])
    landmarks = [template_landmarks()[name] for name in names]
    there = np.stack([landmark.at for landmark in landmarks])
    weights = np.array([1 / landmark.within_mm for landmark in landmarks])

    fit = least_squares(
        _residuals,
        _start(subject, there),
        args=(subject, there, weights),
        method="trf",
    )
    to_subject = _affine(fit.x)
    _check_fit(fit.x, apply(to_subject, there) - subject, names)
    return inverse(to_subject)


def _check_points(points: Points) -> None:
    known = template_landmarks()
    unknown = sorted(set(points) - set(known))
    if unknown:
        expected = ", ".join(known)
        raise UsageError(f"'{unknown[0]}' is not a landmark; expected {expected}")
    if len(points) < FEWEST:
        raise UsageError(f"set at least {FEWEST} landmarks; {len(points)} are set")

    places = np.stack([points[name] for name in sorted(points)])
    if not np.isfinite(places).all():
        raise UsageError("a landmark has no place; set it again")
    extents = np.linalg.svd(places - places.mean(0), compute_uv=False)
    if extents[1] < _NARROWEST_MM:
        raise UsageError("the landmarks are too near to each other or to one line; set another one")


def _start(subject: Array, there: Array) -> Array:
    """An upright head of usual size with its landmarks in the right place on average."""
    start = np.zeros(9)
    start[_OFFSET] = subject.mean(0) - there.mean(0)
    return start


def _affine(parameters: Array) -> Array:
    """Template world -> subject world."""
    rotation = Rotation.from_rotvec(parameters[_ROTATION]).as_matrix()
    sizes = np.exp(parameters[_LOG_SIZE])
    return affine_of(rotation * sizes, parameters[_OFFSET])


def _residuals(parameters: Array, subject: Array, there: Array, weights: Array) -> Array:
    """Distances as multiples of what is usual, and how unlike the three sizes are."""
    apart = apply(_affine(parameters), there) - subject
    sizes = parameters[_LOG_SIZE]
    unlike = (sizes - sizes.mean()) / _SIZE_SPREAD
    weighted = apart * weights[:, None]
    return np.concatenate([weighted.ravel(), unlike])


def _check_fit(parameters: Array, apart: Array, names: list[str]) -> None:
    """Refuse what is not a head: its size, its direction, or how far points are from a fit."""
    distances = np.linalg.norm(apart, axis=1)
    worst = int(distances.argmax())
    turned = float(np.degrees(np.linalg.norm(parameters[_ROTATION])))
    if turned > _MOST_TURNED:
        raise UsageError(
            f"the landmarks turn the head by {turned:.0f} degrees; look whether left and right "
            "are exchanged (left is the patient's left)"
        )
    residual = float(np.sqrt((distances**2).mean()))
    if distances[worst] > _MOST_OFF_MM or residual > _MOST_RESIDUAL_MM:
        raise UsageError(
            f"the landmarks are not those of a head: '{names[worst]}' is "
            f"{distances[worst]:.0f} mm from where the others put it"
        )
    size = float(np.exp(parameters[_LOG_SIZE].mean()))
    if not _SMALLEST <= size <= _LARGEST:
        raise UsageError(
            f"the landmarks make a head of {size:.2f} times the usual size; "
            f"expected {_SMALLEST} to {_LARGEST}"
        )


def _judged_resonance(
    affine: Array, volume: Image, template: Template, settings: DefaceSettings
) -> Registration:
    head = Resonance.of(volume)
    decision = judge(
        head,
        affine,
        distance=0.0,
        template=template,
        settings=settings.gate,
    )
    return Registration(head, affine, _without_agreement(decision))


def _judged_tomography(
    affine: Array, volume: Image, template: Template, settings: DefaceSettings
) -> Registration:
    head = Tomography.of(volume)
    decision = judge_tomography(
        head,
        affine,
        distance=0.0,
        others=lambda: (0.0,),
        template=template,
        settings=settings.gate,
    )
    return Registration(head, affine, _without_agreement(decision))


def _without_agreement(decision: GateDecision) -> GateDecision:
    """The decision without figures of a second registration, which there was not."""
    figures = dict(decision.features)
    for figure in (AGREEMENT, OTHERS):
        figures.pop(figure, None)
    return GateDecision(decision.failed, figures)
