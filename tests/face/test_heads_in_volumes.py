"""The head in a volume: told from air and coils, its vertex, its centres, where it is sampled."""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk

from deidflow.face.heads import head_centres, head_mask, head_region, head_threshold, vertex_height
from deidflow.face.volume import flags_of, float_like, image_of, mask_points, millilitres, values_of
from tests.face.conftest import ball, cube_affine


def with_neck() -> sitk.Image:
    """A ball of 80 mm on a column of 30 mm half-width that ends with the image, 300 mm below."""
    half = 35
    z, y, x = np.mgrid[-100:33, -half:half, -half:half] * 4.0
    head = x**2 + y**2 + z**2 <= 80.0**2
    neck = (x**2 + y**2 <= 30.0**2) & (z < 0)
    affine = cube_affine(4.0, -4.0 * half)
    affine[2, 3] = -400.0
    return image_of((head | neck).astype(np.float32), affine)


def test_nothing_belongs_to_the_head_of_a_flat_image() -> None:
    flat = image_of(
        np.full(
            (9, 9, 9),
            0.5,
            np.float32,
        ),
        cube_affine(4.0),
    )
    assert head_threshold(flat) == math.inf
    assert flags_of(head_mask(flat)).sum() == 0


def test_the_head_is_the_bright_part_with_its_dark_middle() -> None:
    hollow = ball(60.0) - ball(30.0)

    mask = head_mask(hollow)

    assert abs(millilitres(mask) - millilitres(ball(60.0))) < 0.02 * millilitres(mask)


def test_a_bright_speck_beside_the_head_is_not_head() -> None:
    values = values_of(ball(40.0))
    values[2:4, 2:4, 2:4] = 1.0
    image = float_like(values, ball(40.0))

    flags = flags_of(head_mask(image))

    assert not flags[:5, :5, :5].any()
    assert flags[20, 20, 20]


def test_a_strict_mask_leaves_out_what_is_faint() -> None:
    image = ball(70.0, value=0.2) + ball(40.0, value=0.8)

    plain, strict = head_mask(image), head_mask(image, strictness=4.0)

    assert millilitres(strict) < 0.5 * millilitres(plain)
    assert millilitres(strict) > 0.9 * millilitres(ball(40.0))


def test_the_vertex_is_not_the_tip_of_a_spike() -> None:
    points = mask_points(ball(60.0))
    spike = np.array([[0.0, 0.0, 200.0]])

    height = vertex_height(np.vstack([points, spike]))

    assert 50 < height < 61


def test_a_long_neck_does_not_move_the_centre_of_the_head() -> None:
    image = with_neck()

    head, whole = head_centres(image)

    assert head is not None
    assert whole is not None
    assert np.abs(head).max() < 10
    assert whole[2] < -60


def test_an_image_without_a_head_has_no_centre() -> None:
    speck = np.zeros((20, 20, 20), np.float32)
    speck[10, 10, 10] = 1.0
    image = image_of(speck, cube_affine(4.0))

    assert head_centres(image) == (None, None)
    assert head_region(image) is None


def test_points_are_sampled_around_the_head_and_not_far_below_it() -> None:
    image = with_neck()

    region = head_region(image)
    assert region is not None
    heights = mask_points(float_like(region, image))[:, 2]

    assert heights.max() > 80 + 12
    assert -150 < heights.min() < -125


def test_the_sampled_box_has_a_margin_of_two_centimetres() -> None:
    image = ball(40.0)

    region = head_region(image)
    assert region is not None
    points = mask_points(float_like(region, image))

    assert np.abs(points).max(0).tolist() == [58.0, 58.0, 58.0]
