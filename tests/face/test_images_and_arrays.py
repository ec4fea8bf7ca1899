"""Images made of arrays and seen as arrays; sizes and overlaps of masks."""

from __future__ import annotations

import gc

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.face.affine import affine_of, apply, index_to_world
from deidflow.face.volume import (
    centre_of_view,
    dice,
    first_volume,
    flags_of,
    float_like,
    grid_indices,
    image_of,
    index_points,
    like,
    lps_of,
    mask_like,
    mask_points,
    millilitres,
    spacing_of,
    values_of,
    view_of,
    volume_ml,
)
from tests.face.conftest import block, cube_affine


def oblique() -> np.ndarray:
    """An affine with axes that are turned and of three lengths."""
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.3, 0.2, -0.1)
    rotation = np.array(turn.GetMatrix()).reshape(3, 3)
    return affine_of(rotation * [1.0, 2.0, 3.5], np.array([-4.0, 8.0, 100.0]))


def test_an_image_has_the_affine_that_it_was_made_with() -> None:
    values = np.arange(60, dtype=np.float32).reshape(
        3,
        4,
        5,
    )

    image = image_of(values, oblique())

    assert image.GetSize() == (5, 4, 3)
    assert np.allclose(index_to_world(image), oblique())
    assert np.array_equal(values_of(image), values)


def test_a_view_of_a_temporary_image_outlives_it() -> None:
    """SimpleITK's own view of a temporary is memory that others may write to."""
    view = view_of(sitk.Image([90, 90, 90], sitk.sitkUInt8) + 7)
    gc.collect()
    others = [sitk.Image([90, 90, 90], sitk.sitkUInt8) + number for number in range(4)]

    assert len(others) == 4
    assert view.min() == 7
    assert view.max() == 7


def test_flags_of_a_temporary_mask_are_its_own() -> None:
    mask = block((30, 40, 50), np.s_[5:10, 5:10, 5:10])

    for _ in range(20):
        flags = flags_of(sitk.BinaryDilate(mask, [1] * 3))
        assert flags[:4].sum() == 0
        assert flags[4:11].any((1, 2)).all()


def test_a_view_is_not_writable_and_a_copy_is() -> None:
    image = image_of(np.zeros((2, 2, 2), np.float32), cube_affine(1.0))

    with pytest.raises(ValueError, match="read-only"):
        view_of(image)[0, 0, 0] = 1.0
    values_of(image)[0, 0, 0] = 1.0

    assert view_of(image)[0, 0, 0] == 0.0


@pytest.mark.parametrize("make", [like, mask_like, float_like])
def test_what_is_made_like_an_image_lies_where_it_does(make: object) -> None:
    image = image_of(np.zeros((3, 4, 5), np.float32), oblique())

    other = make(np.ones((3, 4, 5), np.int16), image)  # type: ignore[operator]

    assert np.array_equal(index_to_world(other), index_to_world(image))
    assert values_of(other).sum() == 60


def test_masks_are_bytes_and_floats_are_single() -> None:
    image = image_of(np.zeros((2, 2, 2), np.float64), cube_affine(1.0))
    flags = np.ones((2, 2, 2), bool)

    assert view_of(mask_like(flags, image)).dtype == np.uint8
    assert view_of(float_like(flags, image)).dtype == np.float32


def test_points_of_a_mask_are_its_voxels_in_the_world() -> None:
    flags = np.zeros((3, 4, 5), bool)
    flags[2, 1, 4] = True
    image = image_of(np.zeros((3, 4, 5), np.uint8), oblique())

    points = mask_points(mask_like(flags, image))

    assert np.allclose(points, [image.TransformIndexToPhysicalPoint((4, 1, 2))])
    assert np.allclose(
        points,
        index_points(
            image,
            [4],
            [1],
            [2],
        ),
    )  # type: ignore[arg-type]


def test_the_middle_of_a_view_is_between_its_first_and_last_voxel() -> None:
    image = image_of(np.zeros((3, 4, 5), np.uint8), oblique())
    ends = apply(index_to_world(image), np.array([[0.0, 0.0, 0.0], [4.0, 3.0, 2.0]]))
    assert np.allclose(centre_of_view(image), ends.mean(0))


def test_indices_of_a_grid_broadcast_to_its_shape() -> None:
    z, y, x = grid_indices((2, 3, 4))

    assert (z.shape, y.shape, x.shape) == ((2, 1, 1), (1, 3, 1), (1, 1, 4))
    assert (z + y + x).shape == (2, 3, 4)
    assert (z + y + x).max() == 6


def test_a_mask_of_voxels_of_two_millimetres_has_their_volume() -> None:
    mask = image_of(np.ones((5, 5, 5), np.uint8), cube_affine(2.0))

    assert millilitres(mask) == pytest.approx(1.0)
    assert volume_ml(250, mask) == pytest.approx(2.0)
    assert spacing_of(index_to_world(mask)).tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        (np.s_[0:4], np.s_[0:4], 1.0),
        (np.s_[0:4], np.s_[4:8], 0.0),
        (np.s_[0:4], np.s_[2:6], 0.5),
        (np.s_[0:0], np.s_[0:0], 0.0),
        (np.s_[0:0], np.s_[0:4], 0.0),
    ],
    ids=["same", "apart", "half", "both empty", "one empty"],
)
def test_the_overlap_of_two_masks(first: slice, second: slice, overlap: float) -> None:
    one, other = np.zeros(8, bool), np.zeros(8, bool)
    one[first] = True
    other[second] = True
    assert dice(one, other) == overlap


def test_of_several_volumes_the_first_is_taken() -> None:
    values = np.stack([np.zeros((2, 3, 4)), np.ones((2, 3, 4))], axis=-1)
    loaded = nibabel.Nifti1Image(values, np.eye(4))

    assert first_volume(loaded).shape == (2, 3, 4)
    assert first_volume(loaded).max() == 0.0


def test_of_colour_the_mean_is_taken() -> None:
    colour = np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colour["R"] = 30
    colour["G"] = 60

    loaded = nibabel.Nifti1Image(colour, np.eye(4))

    assert first_volume(loaded).tolist() == np.full((2, 2, 2), 30.0).tolist()


def test_a_nifti_affine_points_left_and_back_in_lps() -> None:
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = [10.0, 20.0, 30.0]

    in_lps = lps_of(affine)

    assert in_lps[:, :3].tolist() == np.diag([-2.0, -3.0, 4.0]).tolist()
    assert in_lps[:, 3].tolist() == [-10.0, -20.0, 30.0]
