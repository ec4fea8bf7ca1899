"""A mask lies in the world: each plane gets its part of it, however it was taken."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from deidflow.dicom.geometry import Plane
from deidflow.face.affine import IDENTITY, affine_of, apply, index_to_world
from deidflow.face.face_in_view import in_view
from deidflow.face.mask import Field, WorldMask, load_field, save_field
from deidflow.face.plane_grid import grid_of
from deidflow.face.template_regions import FARTHEST_MM, UNIT_MM, distance_to
from deidflow.face.volume import Image, flags_of, values_of
from tests.face.conftest import ball

RIGHT, DOWN = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])


@lru_cache(maxsize=4)
def region(radius: float = 40.0) -> Image:
    """Distances to a ball around the origin, on a grid of 2 mm."""
    return distance_to(
        ball(
            radius,
            size=80,
            spacing=2.0,
        )
        > 0.5
    )


def mask(margin_mm: float = 0.0, brain: Field | None = None) -> WorldMask:
    return WorldMask(
        Field(region(), IDENTITY),
        margin_mm,
        brain,
        5.0,
    )


def plane(
    height: float = 0.0,
    size: int = 200,
    spacing: float = 1.0,
    rows: np.ndarray = DOWN,
) -> Plane:
    """A square plane around the z axis, `rows` is where its rows advance to."""
    half = (size - 1) / 2 * spacing
    origin = np.array([0.0, 0.0, height]) - half * (RIGHT + rows)
    return Plane(
        0,
        0,
        0,
        size,
        size,
        origin,
        RIGHT,
        rows,
        spacing,
        spacing,
    )


def radii(removed: np.ndarray, spacing: float = 1.0) -> float:
    """The radius in mm of a disc with as many pixels."""
    return float(np.sqrt(removed.sum() / np.pi) * spacing)


def test_a_plane_through_the_middle_is_cut_in_a_disc() -> None:
    removed = mask().removed(plane())

    assert removed.shape == (200, 200)
    assert radii(removed) == pytest.approx(40, abs=1)
    assert np.argwhere(removed).mean(0) == pytest.approx([99.5, 99.5], abs=0.6)


@pytest.mark.parametrize(("height", "radius"), [(20.0, 34.6), (-32.0, 24.0), (60.0, 0.0)])
def test_other_heights_are_cut_in_smaller_discs(height: float, radius: float) -> None:
    removed = mask().removed(plane(height))
    assert radii(removed) == pytest.approx(radius, abs=1.5)


@pytest.mark.parametrize("spacing", [0.4, 1.7, 6.0])
def test_the_disc_has_its_size_at_any_resolution(spacing: float) -> None:
    removed = mask().removed(plane(size=round(160 / spacing), spacing=spacing))
    assert radii(removed, spacing) == pytest.approx(40, abs=1.0)


def test_an_oblique_plane_through_the_middle_is_cut_alike() -> None:
    tilted = np.array([0.0, np.cos(0.7), np.sin(0.7)])
    removed = mask().removed(plane(rows=tilted))
    assert radii(removed) == pytest.approx(40, abs=1)


def test_a_margin_is_in_millimetres() -> None:
    assert radii(mask(margin_mm=6.0).removed(plane())) == pytest.approx(46, abs=1)


def test_a_plane_beside_the_head_keeps_all_its_pixels() -> None:
    away = plane()
    far = Plane(
        0,
        0,
        0,
        200,
        200,
        away.origin + 500.0,
        RIGHT,
        DOWN,
        1.0,
        1.0,
    )
    assert not mask().removed(far).any()


def test_a_corner_of_a_plane_is_cut_where_it_meets_the_region() -> None:
    """Searched on every eighth pixel: what begins between them is not lost."""
    corner = Plane(
        0,
        0,
        0,
        101,
        103,
        np.array([20.0, 20.0, 0.0]),
        RIGHT,
        DOWN,
        1.0,
        1.0,
    )

    removed = mask().removed(corner)
    y, x = np.mgrid[:101, :103]
    expected = (x + 20) ** 2 + (y + 20) ** 2 <= 40**2

    assert (removed != expected).sum() < 0.15 * expected.sum()
    assert removed[0, 0]


def test_planes_and_volumes_are_cut_alike() -> None:
    whole = ball(
        40.0,
        size=50,
        spacing=3.0,
    )
    to_world = index_to_world(whole)
    origins = apply(to_world, np.array([[0.0, 0.0, float(index)] for index in range(50)]))

    planes = [
        Plane(
            0,
            0,
            0,
            50,
            50,
            origin,
            RIGHT,
            DOWN,
            3.0,
            3.0,
        )
        for origin in origins
    ]
    removed = np.stack([mask(2.0).removed(one) for one in planes])

    assert np.array_equal(removed, mask(2.0).on(whole))


def test_the_brain_and_what_is_near_to_it_stays() -> None:
    brain = Field(
        distance_to(
            ball(
                20.0,
                size=80,
                spacing=2.0,
            )
            > 0.5
        ),
        IDENTITY,
    )

    removed = mask(brain=brain).removed(plane())
    y, x = np.mgrid[:200, :200] - 99.5
    distance = np.hypot(x, y)

    assert not removed[distance < 23].any()
    assert removed[(distance > 27) & (distance < 38)].all()


def test_a_brain_elsewhere_spares_nothing() -> None:
    away = affine_of(np.eye(3), np.array([0.0, 0.0, 500.0]))
    brain = Field(region(20.0), away)
    assert np.array_equal(mask(brain=brain).removed(plane()), mask().removed(plane()))


def test_ml_of_tissue_that_a_mask_takes() -> None:
    tissue = (
        ball(
            60.0,
            size=60,
            spacing=3.0,
        )
        > 0.5
    )
    taken = mask().taken(tissue)
    assert taken == pytest.approx(4 / 3 * np.pi * 40**3 / 1000, rel=0.03)


def test_a_field_seen_from_a_moved_series_moves_with_it() -> None:
    field = Field(region(), IDENTITY)
    motion = affine_of(np.eye(3), np.array([15.0, 0.0, 0.0]))

    moved = WorldMask(
        field.seen_from(motion),
        0.0,
        None,
        0.0,
    ).removed(plane())

    assert np.argwhere(moved).mean(0) == pytest.approx([99.5, 84.5], abs=0.6)


def test_distances_end_at_25_mm() -> None:
    values = values_of(region())
    assert values.min() == 0
    assert values.max() == FARTHEST_MM / UNIT_MM

    around = Field(region(), IDENTITY).within(grid_of(plane()), 24.9)[0]
    assert radii(around) == pytest.approx(64.9, abs=1.0)


def test_a_field_in_a_file_is_the_same_field(tmp_path: Path) -> None:
    affine = affine_of(np.diag([1.1, 0.9, 1.0]), np.array([3.0, 2.0, 1.0]))
    field = Field(region(), affine)

    save_field(field, tmp_path / "field.npz")
    loaded = load_field(tmp_path / "field.npz")

    assert np.array_equal(loaded.affine, affine)
    assert np.array_equal(values_of(loaded.distance), values_of(field.distance))
    assert np.allclose(index_to_world(loaded.distance), index_to_world(field.distance))


def test_the_grid_of_a_plane_has_its_pixels() -> None:
    tilted = np.array([0.0, 0.0, -1.0])
    coronal = Plane(
        0,
        0,
        0,
        3,
        5,
        np.array([1.0, 2.0, 3.0]),
        RIGHT,
        tilted,
        4.0,
        2.0,
    )

    grid = grid_of(coronal)

    assert grid.GetSize() == (5, 3, 1)
    assert grid.TransformIndexToPhysicalPoint((4, 2, 0)) == pytest.approx((9.0, 2.0, -5.0))
    assert flags_of(grid).sum() == 0


def test_points_in_view_with_and_without_a_margin() -> None:
    view = ball(
        10.0,
        size=11,
        spacing=10.0,
    )
    points = np.array([[0.0, 0.0, 0.0], [54.0, 0.0, 0.0], [0.0, 60.0, 0.0], [0.0, 0.0, -90.0]])

    assert (
        in_view(
            view,
            IDENTITY,
            points,
            0.0,
        )
        == 0.5
    )
    assert (
        in_view(
            view,
            IDENTITY,
            points,
            8.0,
        )
        == 0.75
    )
    assert (
        in_view(
            view,
            IDENTITY,
            points,
            40.0,
        )
        == 1.0
    )


def test_points_are_those_of_the_template() -> None:
    """The affine leads from the subject to the template, the points are in the template."""
    view = ball(
        10.0,
        size=11,
        spacing=10.0,
    )
    to_template = affine_of(np.eye(3), np.array([0.0, 0.0, 100.0]))

    assert (
        in_view(
            view,
            to_template,
            np.array([[0.0, 0.0, 100.0]]),
            0.0,
        )
        == 1.0
    )
    assert (
        in_view(
            view,
            to_template,
            np.array([[0.0, 0.0, 0.0]]),
            0.0,
        )
        == 0.0
    )
