"""The search: candidates far from each other go on, and only free parameters change."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.face.affine import (
    LOG_SCALE,
    LOG_SCALE_MEAN,
    ROTATION,
    SHEAR,
    affine_of,
    apply,
    compose,
    index_to_world,
    inverse,
)
from deidflow.face.register import POSES, register
from deidflow.face.search import Descent, Match, Search, Selection, best_of, minimized
from deidflow.face.similarity import Similarity, sample
from deidflow.face.template import Template
from deidflow.face.volume import Image, image_of, values_of
from tests.face.conftest import ball

SEARCH = Search(centre=np.zeros(3), target=np.zeros(3))


def moved(millimetres: float) -> np.ndarray:
    """Parameters of a head of mean size, moved along x."""
    parameters = np.zeros(12)
    parameters[0] = millimetres
    parameters[LOG_SCALE] = LOG_SCALE_MEAN
    return parameters


def ellipsoid(shift: float) -> Image:
    """Two nested balls, the inner one off the centre, moved along x."""
    image = ball(70.0, value=0.5)
    inner = ball(30.0, value=0.5)
    inner.SetOrigin([place + 20.0 for place in inner.GetOrigin()])
    both = image + sitk.Resample(inner, image)
    both.SetOrigin([both.GetOrigin()[0] + shift, *both.GetOrigin()[1:]])
    return both


@pytest.fixture(scope="module")
def alike() -> Similarity:
    """How alike a pair of balls is to itself, 6 mm farther to the left."""
    return Similarity(
        sample(
            ellipsoid(0.0),
            1_500,
            seed=0,
        ),
        ellipsoid(6.0),
        24,
    )


def test_the_minimum_of_a_bowl_is_found() -> None:
    bottom = np.array([3.0, -7.0, 1.5])
    descent = Descent(
        rounds=6,
        step=2.0,
        cost_tolerance=1e-8,
        tolerance=1e-3,
    )

    match = minimized(
        lambda place: float(((place - bottom) ** 2).sum()),
        np.zeros(3),
        descent,
    )

    assert np.allclose(
        match.parameters,
        bottom,
        atol=0.01,
    )
    assert match.cost < 1e-3


def test_no_round_is_done_more_than_asked_for() -> None:
    """Rosenbrock's valley needs many rounds."""

    def valley(place: np.ndarray) -> float:
        return float((1 - place[0]) ** 2 + 100 * (place[1] - place[0] ** 2) ** 2)

    start = np.array([-1.2, 1.0])
    few = minimized(
        valley,
        start,
        Descent(rounds=1, step=0.5),
    )
    many = minimized(
        valley,
        start,
        Descent(
            rounds=30,
            step=0.5,
            cost_tolerance=1e-9,
        ),
    )

    assert many.cost < few.cost
    assert np.allclose(
        many.parameters,
        1.0,
        atol=0.05,
    )


def test_the_first_of_equal_matches_is_the_best() -> None:
    first, second = Match(np.zeros(1), 1.0), Match(np.ones(1), 1.0)
    worse = Match(np.ones(1), 2.0)
    assert best_of([worse, first, second]) is first


def test_candidates_that_are_near_to_a_better_one_are_dropped() -> None:
    candidates = [moved(distance) for distance in (0.0, 5.0, 30.0, 33.0, 60.0, 90.0)]

    kept = SEARCH.spread(candidates, Selection(most=3, apart_mm=18.0))

    assert [candidate[0] for candidate in kept] == [0.0, 30.0, 60.0]


def test_heads_in_one_place_are_apart_if_they_are_turned() -> None:
    turned = moved(0.0)
    turned[ROTATION] = [40.0, 0.0, 0.0]
    kept = SEARCH.spread([moved(0.0), turned], Selection(most=2, apart_mm=18.0))
    assert len(kept) == 2


def test_parameters_that_are_not_free_stay(alike: Similarity) -> None:
    start = moved(0.0)
    start[9:] = [1.0, 2.0, 3.0]

    match = SEARCH.descend(
        alike,
        start,
        Descent(
            rounds=1,
            step=3.0,
            free=9,
        ),
    )

    assert match.parameters[9:].tolist() == [1.0, 2.0, 3.0]
    assert not np.array_equal(match.parameters[:9], start[:9])
    assert match.cost < SEARCH.cost(alike, start)


def test_with_one_scale_a_head_is_not_stretched(alike: Similarity) -> None:
    start = moved(0.0)
    start[LOG_SCALE] = [-3.0, -5.0, -7.0]

    match = SEARCH.descend_one_scale(
        alike,
        start,
        Descent(rounds=2, step=4.0),
    )

    assert len(set(match.parameters[LOG_SCALE].tolist())) == 1
    assert match.parameters[SHEAR].tolist() == [0.0, 0.0, 0.0]


def test_a_known_shift_is_found(alike: Similarity) -> None:
    match = SEARCH.descend(
        alike,
        np.zeros(12),
        Descent(
            rounds=4,
            step=3.0,
            free=3,
        ),
    )
    assert match.parameters[:3] == pytest.approx([6.0, 0.0, 0.0], abs=1.0)


def test_an_implausible_shape_costs_more(alike: Similarity) -> None:
    sheared = moved(0.0)
    sheared[SHEAR] = 20.0
    match = alike(SEARCH.affine(sheared))
    assert SEARCH.cost(alike, sheared) > -match


def test_the_grid_holds_every_combination_of_angles() -> None:
    angles = list(POSES.angles())
    assert len(angles) == len(set(angles)) == 63
    assert (0, 0, 0) in angles
    assert (45, -25, 30) in angles


def test_a_template_moved_by_hand_is_found_again(template: Template) -> None:
    """The template itself as the subject: the inverse of the motion comes out, size and all."""
    motion = affine_of(np.diag([1.05, 1.02, 1.04]), np.array([12.0, -9.0, 20.0]))
    fine: Image = template.plain.fine
    subject = image_of(values_of(fine), compose(motion, index_to_world(fine)))

    affine = register(subject, template.plain)
    face = template.points["surface"]
    off = apply(affine, apply(motion, face)) - face

    assert np.linalg.norm(off, axis=1).mean() < 2.0
    assert np.allclose(
        compose(affine, motion),
        compose(inverse(motion), motion),
        atol=4.0,
    )
