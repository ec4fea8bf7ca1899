"""A head is placed by a few points of its face; points that fit no head are refused in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deidflow.errors import UsageError
from deidflow.face.affine import apply, inverse
from deidflow.face.candidate import Refused, Registered, attempt
from deidflow.face.gate import agreement
from deidflow.face.landmarks import (
    Points,
    affine_by_landmarks,
    attempt_by_landmarks,
    template_landmarks,
)
from deidflow.face.mask import Field, WorldMask
from deidflow.face.series import About, HeadSeries
from deidflow.face.template import Template
from deidflow.settings.face import DefaceSettings, GateSettings
from tests.face.conftest import head

FIVE = ("right-eye", "left-eye", "nose", "chin", "left-ear")
HAND_MM = 2.0
"""How far off a person's clicks are, each way."""


def clicked(affine: np.ndarray, names: tuple[str, ...] = FIVE) -> dict[str, np.ndarray]:
    """Where a person would click on a head that `affine` maps to the template."""
    generator = np.random.default_rng(3)
    points = {}
    for name in names:
        (place,) = apply(inverse(affine), template_landmarks()[name].at[None])
        points[name] = place + generator.normal(0, HAND_MM, 3)
    return points


def scaled(size: float) -> np.ndarray:
    """A head of some size in the middle of its field of view."""
    return np.hstack([np.eye(3) / size, np.array([[4.0], [-7.0], [12.0]])])


def test_a_head_that_the_gate_refuses_is_masked_by_landmarks(
    template: Template, registered: np.ndarray
) -> None:
    settings = DefaceSettings(gate=GateSettings(agreement_mm=0.0))
    series = HeadSeries("001-MR", (head(5),), "M", About("MR"))
    assert isinstance(attempt(series, template, settings), Refused)

    outcome = attempt_by_landmarks(clicked(registered), series, template, settings)
    assert isinstance(outcome, Registered), outcome
    assert agreement(outcome.affine, registered, template) < 5
    assert "agreement_mm" not in outcome.figures, "there was no second registration"

    skin = apply(inverse(registered), template.points["front"])
    mask = WorldMask(Field(template.distance, outcome.affine), 4.0, None, 0.0)
    grid = head(5)
    inside = mask.on(grid)
    index = [grid.TransformPhysicalPointToIndex(point.tolist()) for point in skin]
    left = [not inside[z, y, x] for x, y, z in index]
    assert np.mean(left) < 0.05, "share of the front skin that stays"


def test_the_rest_of_the_gate_stays(template: Template, registered: np.ndarray) -> None:
    series = HeadSeries("001-MR", (head(5),), "M", About("MR"))
    far = {name: place + 60 for name, place in clicked(registered).items()}
    outcome = attempt_by_landmarks(far, series, template, DefaceSettings())
    assert isinstance(outcome, Refused)


@pytest.mark.parametrize("size", [0.7, 1.0, 1.3])
def test_heads_of_all_sizes_are_placed(size: float) -> None:
    affine = affine_by_landmarks(clicked(scaled(size)))
    corner = np.array([[60.0, -60.0, 60.0]])
    there = apply(inverse(scaled(size)), corner)
    assert np.linalg.norm(apply(affine, there) - corner) < 12


def exchanged(points: Points) -> Points:
    """The same with left and right exchanged."""
    other = {"right": "left", "left": "right"}
    sides = {name: name.partition("-") for name in points}
    return {
        f"{other[side]}-{part}" if part else side: points[name]
        for name, (side, _, part) in sides.items()
    }


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (clicked(scaled(1.0), ("nose", "chin")), "at least 3"),
        (clicked(scaled(1.0)) | {"mouth": np.zeros(3)}, "not a landmark"),
        (clicked(scaled(0.5)), "usual size"),
        (clicked(scaled(1.6)), "usual size"),
        (clicked(scaled(1.0)) | {"chin": np.array([0.0, -90.0, 60.0])}, "'chin' is .* mm from"),
        (exchanged(clicked(scaled(1.0), tuple(template_landmarks()))), "left and right|mm from"),
        ({name: np.array([0.0, 0.0, z]) for z, name in enumerate(FIVE)}, "one line"),
        (clicked(scaled(1.0)) | {"nose": np.array([np.nan, 0.0, 0.0])}, "no place"),
    ],
)
def test_points_that_fit_no_head_are_refused_in_words(points: Points, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        affine_by_landmarks(points)


def test_landmarks_of_the_template_lie_on_its_face(template: Template) -> None:
    names = tuple(template_landmarks())
    places = np.stack([template_landmarks()[name].at for name in names])
    surface = template.points["front"]
    apart = np.linalg.norm(surface[:, None] - places[None], axis=2).min(0)
    assert dict(zip(names, apart, strict=True))["nose"] < 12
    mirrored = replace(template_landmarks()["left-eye"]).at * (-1, 1, 1)
    assert np.linalg.norm(mirrored - template_landmarks()["right-eye"].at) < 4
