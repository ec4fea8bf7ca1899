"""Volumes lie where the headers of their slices say, for any order, gap, tilt and pixel size."""

from __future__ import annotations

import numpy as np
import pytest

from deidflow.dicom.geometry import Plane
from deidflow.dicom.stack import Slice, Volume, reduced, stack_key, volume_of
from deidflow.errors import Withheld

OBLIQUE = np.array([1.0, 0, 0]), np.array([0, np.cos(0.3), np.sin(0.3)])


def plane(origin: np.ndarray, rows: int = 40, columns: int = 50, spacing: float = 1.0) -> Plane:
    return Plane(0, 0, 0, rows, columns, origin, *OBLIQUE, spacing, spacing)


def place(one: Plane) -> np.ndarray:
    """World points of all pixels, (rows, columns, 3)."""
    rows, columns = np.mgrid[: one.rows, : one.columns]
    along = columns[..., None] * one.column_spacing * one.row_direction
    return one.origin + along + rows[..., None] * one.row_spacing * one.column_direction


def linear(points: np.ndarray) -> np.ndarray:
    """An image that tells its place: no interpolation changes it."""
    return (points @ np.array([1.0, 2.0, 3.0]) + 500).astype(np.float32)


def slices(heights: list[float], tilt: float = 0.0, spacing: float = 1.0) -> list[Slice]:
    normal = np.cross(*OBLIQUE)
    planes = [
        plane(normal * height + OBLIQUE[1] * tilt * height, spacing=spacing) for height in heights
    ]
    return [Slice(one, linear(place(one))) for one in planes]


def worst(volume: Volume, margin: int) -> float:
    """The largest difference between a volume and what should be at its voxels, a margin aside."""
    z, y, x = np.mgrid[tuple(slice(margin, size - margin) for size in volume.values.shape)]
    points = np.stack([x, y, z], -1) @ volume.affine[:, :3].T + volume.affine[:, 3]
    return float(np.abs(volume.values[z, y, x] - linear(points)).max())


def test_shuffled_slices_are_a_regular_volume() -> None:
    order = np.random.default_rng(1).permutation(9)
    found = slices([float(2 * height) for height in range(9)])
    volume = volume_of([found[index] for index in order])
    assert volume.regular
    assert volume.slices == 9
    assert worst(volume, 0) < 1e-3


@pytest.mark.parametrize(
    ("heights", "tilt"),
    [([0, 2, 4, 8, 10, 16, 18], 0.0), ([0, 2, 4, 6, 8, 10], 0.33), ([0, 1.1, 8, 9, 12, 19], -0.3)],
    ids=["missing", "tilted", "uneven and tilted"],
)
def test_missing_slices_tilt_and_gaps_keep_every_slice_in_its_place(
    heights: list[float], tilt: float
) -> None:
    volume = volume_of(slices(heights, tilt))
    assert not volume.regular
    inner = Volume(volume.values[:, 8:-8, 2:-2], volume.affine.copy(), volume.slices, False)
    inner.affine[:, 3] += volume.affine[:, :3] @ [2, 8, 0]
    assert worst(inner, 0) < 0.02


def test_pixels_are_averaged_where_they_lie() -> None:
    (fine,) = slices([3.0], spacing=0.5)
    coarse = reduced(fine.plane, fine.values, 2.0)
    assert coarse.values.shape == (10, 12)
    assert np.abs(coarse.values - linear(place(coarse.plane))).max() < 1e-3


def test_a_pixel_that_is_large_already_stays() -> None:
    (one,) = slices([0.0], spacing=2.5)
    assert reduced(one.plane, one.values, 2.0).values is one.values


def test_orientations_and_matrices_are_told_apart() -> None:
    first = plane(np.zeros(3))
    turned = Plane(0, 0, 0, 40, 50, np.zeros(3), OBLIQUE[1], OBLIQUE[0], 1.0, 1.0)
    keys = {
        stack_key(one) for one in (first, turned, plane(np.ones(3)), plane(np.zeros(3), rows=41))
    }
    assert len(keys) == 3


def test_a_slice_far_away_is_withheld_instead_of_filling_the_memory() -> None:
    with pytest.raises(Withheld):
        volume_of(slices([0.0, 1.0, 2.0, 1e6]))
