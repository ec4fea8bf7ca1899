"""Values of an image at points of the world: the nearest voxel, or not in view."""

from __future__ import annotations

import math

import numpy as np

from deidflow.face.affine import affine_of
from deidflow.face.lookup import Lookup
from deidflow.face.volume import Image, image_of


def stairs() -> Image:
    """Voxels of 2 mm with values 0 to 59, the first one at (10, 20, 30)."""
    affine = affine_of(np.eye(3) * 2.0, np.array([10.0, 20.0, 30.0]))
    return image_of(
        np.arange(60, dtype=np.int16).reshape(
            3,
            4,
            5,
        ),
        affine,
    )


def test_a_point_gets_the_value_of_its_nearest_voxel() -> None:
    points = np.array([[10.0, 20.0, 30.0], [12.9, 20.0, 30.0], [18.0, 26.0, 34.0]])

    seen = Lookup.of(stairs()).at(points)

    assert seen.values.tolist() == [0, 1, 59]
    assert seen.in_view.all()


def test_points_beyond_any_side_are_not_in_view() -> None:
    inside = np.array([14.0, 24.0, 32.0])
    for axis, beyond in enumerate([(8.9, 19.1), (18.9, 27.1), (28.9, 35.1)]):
        for place in beyond:
            point = inside.copy()
            point[axis] = place
            seen = Lookup.of(stairs()).at(point[None])

            assert not seen.in_view.any(), (axis, place)
            assert seen.values.tolist() == [0]


def test_a_mask_is_set_or_not() -> None:
    points = np.array([[10.0, 20.0, 30.0], [18.0, 26.0, 34.0]])
    seen = Lookup.of_mask(stairs()).at(points)
    assert seen.values.tolist() == [False, True]


def test_the_share_counts_points_in_view_only() -> None:
    set_voxels = np.tile([[18.0, 26.0, 34.0]], (40, 1))
    first_voxel = np.tile([[10.0, 20.0, 30.0]], (20, 1))
    far_away = np.tile([[500.0, 0.0, 0.0]], (300, 1))

    seen = Lookup.of_mask(stairs()).at(np.vstack([set_voxels, first_voxel, far_away]))

    assert seen.is_enough
    assert len(seen.visible) == 60
    assert seen.share() == 40 / 60


def test_of_few_points_no_share_is_told() -> None:
    seen = Lookup.of_mask(stairs()).at(np.tile([[18.0, 26.0, 34.0]], (50, 1)))

    assert not seen.is_enough
    assert math.isnan(seen.share())
