"""Windows, receive fields and ranks: what the engines for MR see does not depend on scaling."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.face.intensities import AIR_CEILING, flatten, flattened_ranks, rank, window
from deidflow.face.volume import flags_of, float_like, image_of, values_of, view_of
from tests.face.conftest import ball, cube_affine


def layered(size: int = 40) -> sitk.Image:
    """A ball whose values rise from the middle to its surface."""
    image = ball(60.0, size=size)
    z, y, x = np.mgrid[:size, :size, :size] - (size - 1) / 2
    distance = np.sqrt(x**2 + y**2 + z**2) * 4.0
    values = np.where(flags_of(image), 0.4 + 0.5 * distance / 60.0, 0.0)
    return float_like(values, image)


def test_a_window_goes_from_air_to_nearly_the_brightest() -> None:
    image = layered() * 800.0 + 50.0

    values = view_of(window(image))

    assert values.min() == 0.0
    assert values.max() == 1.0
    assert (values == 1.0).mean() < 0.05


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (0.001, 3.0), (4000.0, -1024.0)])
def test_a_window_does_not_depend_on_scaling(scale: float, offset: float) -> None:
    image = layered()
    scaled = sitk.Cast(image * scale + offset, sitk.sitkFloat32)
    assert np.allclose(
        view_of(window(scaled)),
        view_of(window(image)),
        atol=1e-3,
    )


def test_a_window_of_a_flat_image_is_no_error() -> None:
    flat = image_of(
        np.full(
            (8, 8, 8),
            100.0,
            np.float32,
        ),
        cube_affine(4.0),
    )
    assert np.isfinite(view_of(window(flat))).all()


def test_a_few_very_bright_voxels_do_not_set_the_window() -> None:
    values = values_of(layered())
    values[20, 20, 20:25] = 1_000.0

    windowed = view_of(window(float_like(values, layered())))

    assert np.median(windowed[flags_of(ball(60.0))]) > 0.5


def test_a_receive_field_is_flattened() -> None:
    head = ball(70.0)
    x = np.linspace(-1, 1, 40)
    field = np.exp(1.0 * x)[None, None, :]
    uneven = float_like(values_of(head) * field, head)

    inside = flags_of(ball(50.0))
    before = view_of(uneven)[inside]
    after = view_of(flatten(uneven, head > 0.5))[inside]

    assert before.std() / before.mean() > 0.2
    assert after.std() / after.mean() < 0.5 * before.std() / before.mean()


def test_air_lies_below_its_ceiling_and_the_head_above() -> None:
    ranked = view_of(rank(window(layered())))
    head = flags_of(ball(60.0))

    assert ranked[~head].max() <= AIR_CEILING
    assert ranked[head].min() >= AIR_CEILING
    assert ranked.max() > 0.95


def test_ranks_do_not_change_with_a_monotone_change_of_contrast() -> None:
    image = window(layered())
    head = flags_of(ball(60.0))
    curved = float_like(view_of(image) ** 0.7, image)

    plain, changed = view_of(rank(image)), view_of(rank(curved))

    assert np.abs(plain - changed)[head].max() < 0.06


def test_ranks_are_evenly_spread_over_the_head() -> None:
    ranked = view_of(rank(window(layered())))[flags_of(ball(60.0))]
    middle = (AIR_CEILING + 1) / 2
    assert np.median(ranked) == pytest.approx(middle, abs=0.02)


def test_a_head_of_few_voxels_is_not_ranked() -> None:
    small = ball(14.0)
    assert rank(small) is small


def test_values_that_are_all_the_same_can_be_ranked() -> None:
    ranked = view_of(rank(ball(60.0)))
    assert np.isfinite(ranked).all()
    assert ranked.max() <= 1.0


def test_engine_b_sees_four_millimetres() -> None:
    fine = ball(
        60.0,
        size=80,
        spacing=2.0,
    )
    assert flattened_ranks(fine).GetSpacing() == (4.0, 4.0, 4.0)
