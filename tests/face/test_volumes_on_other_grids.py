"""Volumes are averaged, resampled and cropped, and what they show stays where it was."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.face.affine import affine_of, index_to_world
from deidflow.face.grids import nearest, on_even_grid, shrink, trim_padding, upright_grid
from deidflow.face.volume import centre_of_view, image_of, mask_points, view_of
from tests.face.conftest import ball, block, cube_affine


def ramp(size: tuple[int, int, int], spacing: tuple[float, float, float]) -> sitk.Image:
    """An image whose values are the LPS z of its voxels; size is columns, rows, slices."""
    affine = affine_of(np.diag(spacing), np.array([0.0, 0.0, 7.0]))
    heights = 7.0 + spacing[2] * np.arange(size[2])
    values = np.broadcast_to(heights[:, None, None], size[::-1])
    return image_of(values.astype(np.float32), affine)


def heights_off(image: sitk.Image) -> float:
    """The largest difference between the values of a ramp and the heights of its voxels."""
    heights = mask_points(image * 0 + 1)[:, 2]
    return float(np.abs(view_of(image).ravel() - heights).max())


def test_whole_voxels_are_averaged_as_far_as_the_spacing_allows() -> None:
    image = ramp((12, 12, 12), (1.0, 0.7, 3.0))

    small = shrink(image, 2.0)

    assert small.GetSize() == (6, 6, 12)
    assert small.GetSpacing() == pytest.approx((2.0, 1.4, 3.0))
    assert heights_off(small) < 1e-4


def test_an_image_that_is_coarse_enough_is_the_same_image() -> None:
    image = ramp((5, 5, 5), (2.0, 2.0, 2.0))
    assert shrink(image, 2.0) is image
    assert shrink(image, 3.9) is image


def test_a_single_slice_is_not_shrunk_to_nothing() -> None:
    image = ramp((20, 20, 1), (1.0, 1.0, 1.0))
    assert shrink(image, 4.0).GetSize() == (5, 5, 1)


@pytest.mark.parametrize("spacing", [1.75, 2.0, 2.25])
def test_spacings_near_the_wanted_one_stay(spacing: float) -> None:
    image = ramp((9, 9, 9), (spacing, 2.0, 2.0))
    assert on_even_grid(image, 2.0) is image


@pytest.mark.parametrize(
    "spacing", [(1.3, 1.3, 1.3), (1.0, 1.0, 6.0), (0.9, 2.0, 3.0), (5.0, 5.0, 5.0)]
)
def test_other_spacings_become_even_and_heights_stay(
    spacing: tuple[float, float, float],
) -> None:
    image = ramp((40, 40, 20), spacing)

    even = on_even_grid(image, 2.0)
    inner = even[3:-3, 3:-3, 4:-4]

    assert even.GetSpacing() == (2.0, 2.0, 2.0)
    assert heights_off(inner) < 0.1


def test_outside_an_image_lies_its_least_value() -> None:
    image = ramp((10, 10, 3), (4.0, 4.0, 9.0)) - 500.0
    even = on_even_grid(image, 2.0)
    assert float(view_of(even).min()) == float(view_of(image).min())


def test_a_mask_on_another_grid_keeps_its_place() -> None:
    mask = block((20, 20, 20), np.s_[5:15, 5:15, 5:15])
    grid = image_of(np.zeros((40, 40, 40), np.uint8), cube_affine(0.5, -0.25))

    finer = nearest(mask, grid)

    assert view_of(finer).sum() == 8 * view_of(mask).sum()
    assert np.allclose(mask_points(finer).mean(0), mask_points(mask).mean(0))


def test_outside_a_mask_lies_what_is_asked_for() -> None:
    mask = block((4, 4, 4), np.s_[:, :, :])
    beyond = image_of(np.zeros((2, 2, 2), np.uint8), cube_affine(1.0, 50.0))

    assert view_of(nearest(mask, beyond)).max() == 0
    assert (
        view_of(
            nearest(
                mask,
                beyond,
                outside=9,
            )
        ).min()
        == 9
    )


def test_a_transform_leads_from_the_grid_to_the_mask() -> None:
    mask = block((10, 10, 10), np.s_[:, :, 8:])
    shift = sitk.TranslationTransform(3, [5.0, 0.0, 0.0])

    moved = nearest(mask, mask, shift)

    assert view_of(moved)[0, 0].tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_an_upright_grid_covers_an_oblique_view() -> None:
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.4, 0.2, 0.3)
    rotation = np.array(turn.GetMatrix()).reshape(3, 3)
    image = image_of(np.ones((20, 30, 40), np.uint8), affine_of(rotation, np.zeros(3)))

    grid = upright_grid(image, 2.0)
    found = int(view_of(nearest(image, grid)).sum()) * 8

    assert np.array_equal(index_to_world(grid)[:, :3], np.eye(3) * 2.0)
    assert found == pytest.approx(20 * 30 * 40, rel=0.08)


def test_an_upright_grid_has_the_least_size_that_is_asked_for() -> None:
    single = image_of(np.ones((1, 30, 40), np.uint8), cube_affine(1.0))
    assert upright_grid(single, 2.0).GetSize() == (20, 15, 1)
    assert upright_grid(
        single,
        2.0,
        least=2,
    ).GetSize() == (20, 15, 2)


def test_padding_is_cut_off_with_some_air_left() -> None:
    image = ball(
        40.0,
        size=80,
        spacing=2.0,
        value=100.0,
    )

    trimmed = trim_padding(image, margin=10.0)

    assert all(50 <= size <= 52 for size in trimmed.GetSize())
    assert np.allclose(
        centre_of_view(trimmed),
        0.0,
        atol=1.01,
    )
    assert view_of(trimmed).sum() == view_of(image).sum()


def test_where_the_head_touches_the_data_no_air_is_added() -> None:
    """Air at the border of what was measured would look like the end of the head."""
    values = np.zeros((60, 60, 60), np.float32)
    values[20:40, 10:50, 10:50] = 100.0
    values[40:50, 25:30, 25:30] = 100.0
    image = image_of(values, cube_affine(2.0))

    trimmed = trim_padding(image, margin=8.0)
    to_world = index_to_world(trimmed)

    assert to_world[2, 3] == 40.0, "the cut surface below"
    assert trimmed.GetSize()[2] == 35 - 1, "the thin tip above gets its air"


def test_a_constant_image_is_not_cut() -> None:
    image = image_of(
        np.full(
            (10, 10, 10),
            3.0,
            np.float32,
        ),
        cube_affine(2.0),
    )
    assert trim_padding(image) is image
