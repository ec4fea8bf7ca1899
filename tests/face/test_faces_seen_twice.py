"""A folded nose and ghosts of the face in the air are emptied; nothing of the head goes for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deidflow.errors import Withheld
from deidflow.face.affine import Array, index_to_world, linear_part
from deidflow.face.candidate import Registered
from deidflow.face.copies import copies_of, head_distance
from deidflow.face.cranium import ball_radius, evenly_lit
from deidflow.face.grids import on_even_grid
from deidflow.face.heads import head_mask
from deidflow.face.mask import Field, WorldMask
from deidflow.face.mask_plan import MaskPlan
from deidflow.face.prepare import Resonance
from deidflow.face.template import Template
from deidflow.face.volume import Flags, Image, Values, float_like, image_of, values_of
from deidflow.verdicts import Reason
from tests.face.conftest import head
from tests.face.test_series_of_one_session import carrier, reference, series

__all__ = ["reference"]
BEHIND = 30
"""Rows of 2 mm behind the head."""


def wide(more: tuple[int, int, int]) -> tuple[Values, Image]:
    """A head in a larger field of view: voxels more at each end of z, y, x."""
    values = np.pad(values_of(head(5)), [(count, count) for count in more])
    affine = index_to_world(head(5))
    affine[:, 3] -= linear_part(affine) @ np.array(more[::-1], float)
    return values, image_of(values, affine)


def without_nose(rows: int) -> tuple[Image, Flags]:
    """A view that begins some rows behind the tip of the nose, which folds to the back; where."""
    values, whole = wide((0, BEHIND, 0))
    first = int(np.flatnonzero((values > values.max() / 10).any((0, 2)))[0]) + rows
    kept = values[:, first:].copy()
    kept[:, -first:] += values[:, :first]
    folded = np.zeros(kept.shape, bool)
    folded[:, -first:] = values[:, :first] > values.max() / 10

    affine = index_to_world(whole)
    affine[:, 3] += affine[:, 1] * first
    return image_of(kept, affine), folded


def ghosted(share: float, rows: int) -> Image:
    """A head with noise of 3 % of what is bright, and a ghost moved back."""
    values, whole = wide((0, 50, 0))
    bright = np.percentile(values_of(head(5)), 95)
    noise = np.random.default_rng(3).normal(0, 0.03 * bright, (2, *values.shape))
    seen = values + share * np.roll(values, rows, axis=1)
    return float_like(np.hypot(seen + noise[0], noise[1]), whole)


def planned(reference: Registered, image: Image, template: Template) -> MaskPlan:
    subject = replace(reference, series=series("001-MR", image))
    return carrier(subject, template).plan_for(subject.series)


def face_mask(registered: Array, template: Template) -> WorldMask:
    return WorldMask(Field(template.distance, registered), 2.0, None, 0.0)


@pytest.mark.parametrize("rows", [2, 3, 12])
def test_a_folded_nose_is_emptied(rows: int, reference: Registered, template: Template) -> None:
    image, folded = without_nose(rows)

    plan = planned(reference, image, template)

    once = replace(plan, copies=None).mask().on(image)
    assert not (once & folded).any()
    assert (plan.mask().on(image) & folded).sum() > 0.97 * folded.sum()
    assert plan.mask().taken(reference.brain.mask) == 0.0
    assert plan.figures["copies"] >= 1.0


def test_a_ghost_of_the_face_in_air_is_found_and_emptied(
    reference: Registered, template: Template
) -> None:
    rows = 110
    image = ghosted(0.1, rows)

    plan = planned(reference, image, template)

    assert plan.copies is not None
    expected = linear_part(index_to_world(image))[:, 1] * rows
    nearest_mm = np.linalg.norm(plan.copies.moves - expected, axis=1).min()
    assert nearest_mm < 4
    assert plan.mask().taken(reference.brain.mask) == 0.0


def test_noise_and_a_coil_are_no_copies(registered: Array, template: Template) -> None:
    mask = face_mask(registered, template)
    spared = Field(head_distance(template), registered)
    noisy = ghosted(0.0, 0)
    z, y, x = np.indices(values_of(noisy).shape, sparse=True)
    coil = (abs(x - 44) < 40) & (abs(y - 175) < 3) & (z > 20)
    with_coil = float_like(values_of(noisy) + 120.0 * coil, noisy)

    assert len(copies_of(noisy, spared, template, mask)) == 0
    assert len(copies_of(with_coil, spared, template, mask)) == 0


def test_a_series_with_many_copies_is_withheld(reference: Registered, template: Template) -> None:
    image = head(5)
    places = 11
    rows = np.concatenate([values_of(image), *[0.3 * values_of(image)] * (places - 1)], axis=2)
    many = image_of(rows[::1], index_to_world(image))

    with pytest.raises(Withheld) as caught:
        planned(reference, many, template)
    assert caught.value.reason is Reason.FACE_COPIED


def test_a_cranium_hidden_by_the_receive_field_is_found_and_a_child_does_not_grow() -> None:
    values = values_of(head(5))
    across = np.linspace(-2.0, 2.0, values.shape[1])[None, :, None]
    shaded = float_like(values * np.exp(np.log(4) * across), head(5))
    dim = on_even_grid(Resonance.of(shaded).windowed, 4.0)
    plain = on_even_grid(Resonance.of(head(5)).windowed, 4.0)

    assert ball_radius(head_mask(dim)) < 72
    assert ball_radius(head_mask(evenly_lit(dim))) > 76
    assert evenly_lit(plain) is plain
