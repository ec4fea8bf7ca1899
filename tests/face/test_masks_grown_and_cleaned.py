"""Masks are grown, shrunk and cleaned by distances in millimetres, whatever the spacing."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from deidflow.face.morphology import (
    all_of,
    closed,
    connected_parts,
    filled_by_slice,
    grown,
    largest,
    opened,
    outward,
    solid,
)
from deidflow.face.volume import flags_of, mask_like, millilitres, view_of
from tests.face.conftest import ball, block


def ball_mask(radius: float, spacing: float = 2.0) -> sitk.Image:
    size = round(120 / spacing)
    return sitk.Cast(
        ball(
            radius,
            size=size,
            spacing=spacing,
        )
        > 0.5,
        sitk.sitkUInt8,
    )


def test_distances_are_positive_outside_and_negative_inside() -> None:
    distances = view_of(outward(ball_mask(30.0)))

    assert distances[30, 30, 30] == pytest.approx(-27, abs=3)
    assert distances[30, 30, 0] == pytest.approx(29, abs=2)


@pytest.mark.parametrize("spacing", [1.5, 3.0])
@pytest.mark.parametrize("reach", [-9.0, 9.0])
def test_a_ball_grows_and_shrinks_by_millimetres(spacing: float, reach: float) -> None:
    changed = grown(ball_mask(30.0, spacing), reach)
    radius = np.cbrt(millilitres(changed) * 1000 * 3 / 4 / np.pi)

    assert radius == pytest.approx(30.0 + reach, abs=1.5 * spacing)


def test_the_largest_part_stays() -> None:
    mask = block(
        (20, 20, 20),
        np.s_[1:4, 1:4, 1:4],
        np.s_[8:18, 8:18, 8:18],
    )

    flags = flags_of(largest(mask))

    assert flags.sum() == 1000
    assert not flags[:5].any()


def test_parts_are_numbered_from_the_largest() -> None:
    small, large = np.s_[0:2, 0:2, 0:2], np.s_[5:9, 5:9, 5:9]
    labels = view_of(
        connected_parts(
            block(
                (10, 10, 10),
                small,
                large,
            )
        )
    )

    assert labels[6, 6, 6] == 1
    assert labels[1, 1, 1] == 2
    assert labels.max() == 2


def test_the_largest_part_of_nothing_is_nothing() -> None:
    assert flags_of(largest(block((5, 5, 5)))).sum() == 0


def test_a_thread_between_two_parts_is_opened() -> None:
    thread = np.s_[10:11, 10:11, 6:14]
    mask = block(
        (20, 20, 20),
        np.s_[7:14, 7:14, 0:6],
        np.s_[7:14, 7:14, 14:20],
        thread,
    )

    parts = view_of(connected_parts(opened(mask, 1)))

    assert parts.max() == 2
    assert parts[10, 10, 10] == 0


def test_a_narrow_gap_is_closed() -> None:
    mask = block(
        (20, 20, 20),
        np.s_[4:16, 4:16, 4:9],
        np.s_[4:16, 4:16, 11:16],
    )

    assert not flags_of(mask)[10, 10, 9:11].any()
    assert flags_of(closed(mask, 3))[10, 10, 9:11].all()


def test_a_hole_in_the_middle_is_filled() -> None:
    shell = mask_like(flags_of(ball_mask(40.0)) & ~flags_of(ball_mask(25.0)), ball_mask(40.0))
    assert millilitres(solid(shell, 2)) == pytest.approx(millilitres(ball_mask(40.0)), rel=0.03)


def test_a_tunnel_through_all_slices_is_filled_slice_by_slice() -> None:
    flags = flags_of(block((6, 20, 20), np.s_[:, 3:17, 3:17])).copy()
    flags[:, 8:12, 8:12] = False
    mask = mask_like(flags, block((6, 20, 20)))

    assert not flags_of(sitk.BinaryFillhole(mask))[:, 9, 9].any()
    assert flags_of(filled_by_slice(mask))[:, 9, 9].all()


def test_what_lies_in_all_masks_is_common() -> None:
    first = block((4, 4, 4), np.s_[:, :, :3])
    second = block((4, 4, 4), np.s_[:, 1:, :])
    third = block((4, 4, 4), np.s_[2:, :, :])

    assert (
        flags_of(
            all_of(
                first,
                second,
                third,
            )
        ).sum()
        == 2 * 3 * 3
    )
    assert flags_of(all_of(first)).sum() == 4 * 4 * 3


@pytest.mark.parametrize("radius", [1, 2, 3, 5])
def test_balls_open_and_close_masks_as_itk_does(radius: int) -> None:
    generator = np.random.default_rng(radius)
    noise = ndimage.gaussian_filter(generator.normal(size=(24, 31, 28)), 2)
    for share in (0.2, 0.5, 0.8):
        mask = sitk.GetImageFromArray((noise > np.quantile(noise, share)).astype(np.uint8))
        size = [radius] * 3
        expected = sitk.BinaryMorphologicalOpening(mask, size)
        assert (view_of(opened(mask, radius)) == view_of(expected)).all()

        expected = sitk.BinaryMorphologicalClosing(mask, size)
        assert (view_of(closed(mask, radius)) == view_of(expected)).all()
