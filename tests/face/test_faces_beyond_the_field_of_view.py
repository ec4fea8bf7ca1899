"""A face outside the field of view must be proven by the image."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.demo.head import average_head
from deidflow.face.affine import apply, as_transform, compose, inverse
from deidflow.face.candidate import Refused, attempt
from deidflow.face.features import Features, features
from deidflow.face.gate import judge
from deidflow.face.grids import shrink
from deidflow.face.prepare import Resonance
from deidflow.face.series import About, HeadSeries
from deidflow.face.template import Template
from deidflow.settings.face import DefaceSettings, GateSettings
from tests.face.conftest import head

GATE = GateSettings()
SCALES = (0.7, 0.85, 1.1, 1.2, 1.3, 1.4)
QUICK = (1.2,)
"""The default run looks at these only."""
SHIFTS_MM = ((0, 0, 0), (0, -25, 0), (0, 0, 40), (0, 0, -25))


@lru_cache(maxsize=1)
def prepared() -> Resonance:
    return Resonance.of(head(5))


def planted(
    registered: np.ndarray, template: Template, scale: float, shift: tuple[int, int, int]
) -> np.ndarray:
    """The registration with a template `scale` times as large about the vertex, then shifted."""
    brain = apply(inverse(registered), template.points["brain"])
    vertex = np.array([*brain.mean(0)[:2], brain[:, 2].max()])
    linear = np.eye(3) / scale
    motion = np.hstack([linear, (vertex - linear @ (vertex + shift))[:, None]])
    return compose(registered, motion)


def shape_fits(found: Features) -> bool:
    """Whether the tests of shape pass, without the help of the intensities."""
    return (
        found["head_in_template"] >= GATE.head_in_template_min
        and found["outer_in_head"] <= GATE.outer_in_head_max
        and found["vault_in_head"] >= GATE.vault_in_head_min
        and found["face_cut"] >= GATE.face_cut_min
    )


@pytest.mark.parametrize(
    "scale",
    [scale if scale in QUICK else pytest.param(scale, marks=pytest.mark.slow) for scale in SCALES],
)
def test_a_registration_of_wrong_scale_is_refused_by_shape_alone(
    template: Template, registered: np.ndarray, scale: float
) -> None:
    for shift in SHIFTS_MM:
        affine = planted(
            registered,
            template,
            scale,
            shift,
        )
        assert not judge(
            prepared(),
            affine,
            0.0,
            template,
            GATE,
        ).passed, shift
        assert not shape_fits(
            features(
                prepared(),
                affine,
                template,
            )
        ), shift


def test_a_right_registration_fits_by_shape(template: Template, registered: np.ndarray) -> None:
    assert shape_fits(
        features(
            prepared(),
            registered,
            template,
        )
    )


@pytest.mark.parametrize("height", [35, 80, 115, 140])
def test_a_head_that_the_border_cuts_is_partial(
    template: Template, registered: np.ndarray, height: int
) -> None:
    """Cut between chin and forehead: the cut surface has the template's shape."""
    point = template.original.TransformContinuousIndexToPhysicalPoint(
        [128.0, 120.0, height + 120.0]
    )
    level = apply(inverse(registered), np.array([point]))[0]
    below = round(head(5).TransformPhysicalPointToContinuousIndex(level.tolist())[2])
    found = features(
        Resonance.of(head(5)[:, :, below:]),
        registered,
        template,
    )

    assert GATE.face_cut_min <= found["face_cut"] < 1
    assert found["vault_in_head"] >= GATE.vault_in_head_min


def test_a_face_that_lies_beyond_a_border_the_head_does_not_reach_is_refused(
    template: Template, registered: np.ndarray
) -> None:
    """The template 40 % too large and low: its face lies under a volume that ends with the neck."""
    affine = planted(
        registered,
        template,
        1.4,
        (0, 0, -25),
    )
    found = features(
        prepared(),
        affine,
        template,
    )

    assert found["face_in_view"] < 0.5
    assert found["face_cut"] < GATE.face_cut_min
    assert judge(
        prepared(),
        affine,
        0.0,
        template,
        GATE,
    ).failed


def test_figures_that_cannot_be_computed_are_refused(
    template: Template, registered: np.ndarray
) -> None:
    away = registered.copy()
    away[:, 3] += [0, 0, 2_000.0]
    found = features(
        prepared(),
        away,
        template,
    )

    assert math.isnan(found["vault_in_head"])
    assert not judge(
        prepared(),
        away,
        0.0,
        template,
        GATE,
    ).passed


@pytest.mark.parametrize("scale", [0.76])
def test_a_head_of_an_infants_size_is_masked_or_withheld(template: Template, scale: float) -> None:
    """Registered for real; whatever comes out with less than its face in view would be wrong."""
    image = shrink(average_head(), 2.0)
    transform = as_transform(np.hstack([np.eye(3) / scale, np.zeros((3, 1))]))
    small = sitk.Resample(
        image,
        image,
        transform,
        sitk.sitkLinear,
        0.0,
        sitk.sitkFloat32,
    )
    outcome = attempt(
        HeadSeries(
            "001-MR",
            (small,),
            "M",
            About("MR"),
        ),
        template,
        DefaceSettings(),
    )

    assert isinstance(outcome, Refused) or outcome.figures["front_in_view"] > 0.95
