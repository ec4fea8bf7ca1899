"""Children: a head of any size is registered and judged as an adult's, and no wrong size passes."""

from __future__ import annotations

import numpy as np
import pytest

from deidflow.face.affine import (
    LOG_SCALE,
    Array,
    affine_through,
    apply,
    compose,
    implausibility,
    index_to_world,
    inverse,
    log_scale_of,
)
from deidflow.face.candidate import Registered, attempt
from deidflow.face.cranium import ball_radius, head_size, size_of
from deidflow.face.face_in_view import FaceState
from deidflow.face.features import features
from deidflow.face.front_view import front_view
from deidflow.face.gate import agreement
from deidflow.face.grids import on_even_grid
from deidflow.face.heads import head_mask
from deidflow.face.prepare import Resonance
from deidflow.face.series import About, HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image, centre_of_view, image_of, values_of
from deidflow.settings.face import DefaceSettings
from tests.face.conftest import ball, head

SETTINGS = DefaceSettings()
GATE = SETTINGS.gate


def shrinking(image: Image, size: float) -> Array:
    """The world of a head -> the world in which it is smaller, about its middle."""
    middle = centre_of_view(image)
    return affine_through(np.eye(3) * size, point=middle, target=middle)


def of_size(image: Image, size: float) -> Image:
    """The same head with smaller voxels."""
    affine = compose(shrinking(image, size), index_to_world(image))
    return image_of(values_of(image), affine)


def mask_of(image: Image) -> Image:
    """A head mask of 4 mm, as registration and gate see it."""
    windowed = Resonance.of(image).windowed
    return head_mask(on_even_grid(windowed, 4.0))


def test_the_largest_ball_in_a_ball_is_itself() -> None:
    assert ball_radius(ball(60.0) > 0) == pytest.approx(60.0, abs=4.0)


def test_shoulders_and_empty_masks_say_nothing_of_a_cranium() -> None:
    shoulders = ball(100.0, size=120) > 0
    small = ball(50.0, size=120) > 0
    small.SetOrigin((*small.GetOrigin()[:2], small.GetOrigin()[2] + 200.0))
    both = shoulders | _on_grid_of(small, shoulders)

    assert ball_radius(both) < 75.0
    assert ball_radius(both * 0) == 0.0
    assert head_size(both * 0) == 1.0


def _on_grid_of(image: Image, grid: Image) -> Image:
    shift = round(200.0 / grid.GetSpacing()[2])
    values = np.roll(values_of(image), shift, axis=0)
    return image_of(values, index_to_world(grid))


@pytest.mark.parametrize("size", [0.8, 0.71])
def test_a_child_is_seen_by_the_cranium_and_an_adult_is_no_child(size: float) -> None:
    adult = head(5)
    assert head_size(mask_of(adult)) == 1.0
    assert head_size(mask_of(of_size(adult, size))) == pytest.approx(size, abs=0.08)


def test_every_size_from_the_smallest_to_an_adults_is_plausible() -> None:
    child = np.zeros(12)
    child[LOG_SCALE] = log_scale_of(0.8)

    assert implausibility(child, smallest=0.7) == 0.0
    assert implausibility(child, smallest=0.9) > 0.9
    assert implausibility(child) > implausibility(child, smallest=0.9)


def test_the_head_of_a_child_is_registered_and_defaced(
    template: Template, registered: Array
) -> None:
    """0.76 of an adult's: once the template's cranium was laid around the whole of such a head."""
    child = of_size(head(5), 0.76)
    truth = compose(registered, inverse(shrinking(head(5), 0.76)))
    series = HeadSeries("001-MR", (child,), "M", About("MR"))

    outcome = attempt(series, template, SETTINGS)

    assert isinstance(outcome, Registered)
    assert outcome.state is FaceState.DEFACED
    assert agreement(outcome.affine, truth, template) < 5.0
    assert size_of(outcome.affine) == pytest.approx(0.76, abs=0.08)
    assert outcome.brain.millilitres < 900


@pytest.mark.parametrize("scale", [0.7, 0.8, 1.2, 1.36])
@pytest.mark.parametrize("size", [1.0, 0.76])
def test_the_cranium_alone_refuses_a_template_of_wrong_size(
    template: Template, registered: Array, size: float, scale: float
) -> None:
    """Also where the face is outside the field of view and no skin is left to compare."""
    child = of_size(head(5), size)
    truth = compose(registered, inverse(shrinking(head(5), size)))
    middle = apply(inverse(truth), template.points["brain"]).mean(0)
    wrong = affine_through(np.eye(3) / scale, point=middle, target=middle)

    figures = features(Resonance.of(child), compose(truth, wrong), template)

    ratio = figures["cranium_ratio"]
    assert not GATE.cranium_ratio_min <= ratio <= GATE.cranium_ratio_max


def test_a_childs_face_is_sought_at_its_own_height(template: Template, registered: Array) -> None:
    """A region 40 mm too low leaves the face; at an adult's heights the neck is seen instead."""
    child = of_size(head(5), 0.72)
    truth = compose(registered, inverse(shrinking(head(5), 0.72)))
    mask = mask_of(child)

    small = front_view(mask, truth, template, size=0.72)
    grown_up = front_view(head_mask(on_even_grid(head(5), 4.0)), registered, template)

    assert small.pixels == pytest.approx(grown_up.pixels, rel=0.1)
    assert small.face_changed > 0.9
