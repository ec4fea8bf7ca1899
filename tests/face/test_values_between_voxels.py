"""Values between voxels are those of scipy, to the last bit."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from deidflow.face.trilinear import Trilinear

SHAPE = (7, 9, 11)
VALUES = np.random.default_rng(1).uniform(0, 30, SHAPE).astype(np.float32)
LAST = np.array(SHAPE)[:, None] - 1.0


def assert_like_scipy(positions: np.ndarray) -> None:
    expected = map_coordinates(
        VALUES,
        positions,
        order=1,
        prefilter=False,
    )

    assert Trilinear.of(VALUES).at(positions).tobytes() == expected.tobytes()


def test_more_points_than_are_taken_at_once() -> None:
    shares = np.random.default_rng(2).uniform(size=(3, 10_000))

    assert_like_scipy(shares * LAST)


def test_points_on_voxels_up_to_the_last_corner() -> None:
    voxels = np.indices(SHAPE).reshape(3, -1).astype(float)

    assert_like_scipy(voxels)


def test_points_on_the_far_sides() -> None:
    shares = np.random.default_rng(3).uniform(size=(3, 3, 50))
    for axis in range(3):
        shares[axis, axis] = 1.0
        assert_like_scipy(shares[axis] * LAST)


def test_no_point() -> None:
    assert_like_scipy(np.zeros((3, 0)))
