"""Affines compose and invert; one unit of any parameter moves the head by a millimetre."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from deidflow.face.affine import (
    IDENTITY,
    LOG_SCALE,
    LOG_SCALE_MEAN,
    RADIUS,
    ROTATION,
    affine_of,
    affine_through,
    apply,
    as_transform,
    compose,
    from_parameters,
    implausibility,
    index_to_world,
    inverse,
    linear_part,
    nearest_rotation,
)
from tests.face.conftest import ball

ORIGIN = np.zeros(3)


def some_affine(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    linear = np.eye(3) + generator.normal(
        0,
        0.1,
        (3, 3),
    )
    return affine_of(
        linear,
        generator.normal(
            0,
            30,
            3,
        ),
    )


def some_points() -> np.ndarray:
    return np.random.default_rng(9).normal(
        0,
        60,
        (50, 3),
    )


def test_an_affine_undone_by_its_inverse_moves_nothing() -> None:
    affine = some_affine(1)
    points = some_points()

    there = apply(affine, points)
    back = apply(inverse(affine), there)

    assert np.allclose(back, points)
    assert np.allclose(compose(inverse(affine), affine), IDENTITY)


def test_a_composed_affine_applies_the_inner_one_first() -> None:
    outer, inner = some_affine(1), some_affine(2)
    points = some_points()

    one_by_one = apply(outer, apply(inner, points))

    assert np.allclose(apply(compose(outer, inner), points), one_by_one)
    assert not np.allclose(apply(compose(inner, outer), points), one_by_one)


def test_simpleitk_moves_points_as_the_affine_does() -> None:
    affine = some_affine(3)
    points = some_points()

    transform = as_transform(affine)
    moved = [transform.TransformPoint(point.tolist()) for point in points]

    assert np.allclose(moved, apply(affine, points))


def test_the_affine_of_an_oblique_image_is_simpleitks_own() -> None:
    image = sitk.Image([7, 8, 9], sitk.sitkUInt8)
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.2, -0.1, 0.4)
    image.SetDirection(turn.GetMatrix())
    image.SetSpacing([0.5, 1.5, 3.0])
    image.SetOrigin([-20.0, 13.0, 5.0])

    indices = np.array([[0, 0, 0], [6, 0, 2], [3, 7, 8]])
    places = [image.TransformIndexToPhysicalPoint(index) for index in indices.tolist()]

    assert np.allclose(apply(index_to_world(image), indices.astype(float)), places)


def test_an_affine_through_two_points_maps_one_to_the_other() -> None:
    point = np.array([10.0, -4.0, 30.0])
    target = np.array([1.0, 2.0, 3.0])
    linear = linear_part(some_affine(4))

    affine = affine_through(
        linear,
        point=point,
        target=target,
    )

    assert np.allclose(apply(affine, point[None]), target)
    assert np.array_equal(linear_part(affine), linear)


def test_the_nearest_rotation_of_a_sheared_rotation_is_orthogonal() -> None:
    rotation = Rotation.from_euler(
        "xyz",
        [10, 20, 30],
        degrees=True,
    ).as_matrix()
    sheared = rotation + np.random.default_rng(0).normal(
        0,
        0.01,
        (3, 3),
    )

    nearest = nearest_rotation(sheared)

    assert np.allclose(nearest @ nearest.T, np.eye(3))
    assert np.linalg.det(nearest) == pytest.approx(1.0)
    assert np.abs(nearest - rotation).max() < 0.03


@pytest.mark.parametrize("number", range(12))
def test_one_unit_of_a_parameter_moves_a_head_by_about_a_millimetre(number: int) -> None:
    parameters = np.zeros(12)
    parameters[number] = 1.0
    surface = RADIUS * np.vstack([np.eye(3), -np.eye(3)])

    moved = apply(
        from_parameters(
            parameters,
            ORIGIN,
            ORIGIN,
        ),
        surface,
    )
    distances = np.linalg.norm(moved - surface, axis=1)

    assert 0.9 < distances.max() < 1.1


def test_the_rotation_is_that_of_scipy() -> None:
    angles = np.array([0.3, -0.2, 0.5])
    parameters = np.zeros(12)
    parameters[ROTATION] = angles * RADIUS

    affine = from_parameters(
        parameters,
        ORIGIN,
        ORIGIN,
    )
    expected = Rotation.from_euler("XYZ", angles).as_matrix()

    assert np.allclose(
        linear_part(affine),
        expected,
        atol=1e-12,
    )


def test_parameters_turn_about_the_centre_of_the_head() -> None:
    centre, target = np.array([5.0, -20.0, 60.0]), np.array([0.0, 0.0, 12.0])
    parameters = np.random.default_rng(6).normal(
        0,
        10,
        12,
    )
    parameters[:3] = 0.0

    affine = from_parameters(
        parameters,
        centre,
        target,
    )

    assert np.allclose(apply(affine, centre[None]), target)


def test_a_head_of_mean_size_without_shear_is_the_most_plausible() -> None:
    mean = np.zeros(12)
    mean[LOG_SCALE] = LOG_SCALE_MEAN
    assert implausibility(mean) == 0.0

    for number in range(6, 12):
        changed = mean.copy()
        changed[number] += 8.0
        assert implausibility(changed) > 0.9


def test_where_and_how_a_head_lies_is_never_implausible() -> None:
    parameters = np.zeros(12)
    before = implausibility(parameters)

    parameters[:6] = 500.0

    assert implausibility(parameters) == before


def test_the_grid_of_a_ball_is_centred() -> None:
    to_world = index_to_world(ball(20.0))
    corners = apply(to_world, np.array([[0.0, 0.0, 0.0], [39.0, 39.0, 39.0]]))
    assert np.allclose(corners.sum(0), 0.0)
