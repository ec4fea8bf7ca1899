"""A PET lies where the registered head does, by the outline of the body alone."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.face.affine import index_to_world
from deidflow.face.grids import shrink
from deidflow.face.outline import body_outline, outline_match
from deidflow.face.prepare import Resonance
from deidflow.face.volume import Image, flags_of, float_like, image_of, view_of
from tests.face.conftest import ball, head


def emission() -> Image:
    """The same head by its uptake: a hot core, faint skin, noise, 6 mm of blur."""
    mask = Resonance.of(head(5)).mask
    depth = sitk.SignedMaurerDistanceMap(mask, insideIsPositive=True, useImageSpacing=True)
    uptake = np.where(view_of(depth) > 15, 10.0, 2.0) * flags_of(mask)
    noise = np.random.default_rng(3).poisson(0.2, uptake.shape)
    blurred = sitk.SmoothingRecursiveGaussian(float_like(uptake + noise, mask), 2.5)
    return shrink(blurred, 4.0)


def shifted(image: Image, by: tuple[float, float, float]) -> Image:
    affine = index_to_world(image).copy()
    affine[:, 3] += by
    return image_of(view_of(image), affine)


def test_a_pet_of_the_same_head_overlaps_where_it_lies() -> None:
    match = outline_match(emission(), Resonance.of(head(5)).mask)
    assert match.overlap > 0.9
    assert match.shift_mm <= 4.1


@pytest.mark.parametrize("by", [(16.0, 0.0, 0.0), (0.0, -14.0, 0.0), (0.0, 8.0, 12.0)])
def test_a_pet_that_moved_would_overlap_more_elsewhere(by: tuple[float, float, float]) -> None:
    match = outline_match(shifted(emission(), by), Resonance.of(head(5)).mask)
    assert match.shift_mm > 6


def test_another_thing_or_nothing_does_not_overlap() -> None:
    mask = Resonance.of(head(5)).mask
    assert outline_match(ball(50.0), mask).overlap < 0.85
    assert outline_match(shifted(emission(), (500.0, 0.0, 0.0)), mask).overlap == 0


def test_a_hot_brain_does_not_hide_the_skin() -> None:
    body = flags_of(body_outline(emission())).sum() * 64
    whole = flags_of(Resonance.of(head(5)).mask).sum() * 8
    assert 0.85 < body / whole < 1.15
