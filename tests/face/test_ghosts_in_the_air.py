"""A head's ghosts in the air are taken away before a head is registered; the head itself stays."""

from __future__ import annotations

import numpy as np
import pytest

from deidflow.face.affine import Array, index_to_world
from deidflow.face.candidate import Registered, attempt
from deidflow.face.features import features
from deidflow.face.gate import agreement
from deidflow.face.ghosts import without_ghosts
from deidflow.face.heads import head_mask
from deidflow.face.intensities import window
from deidflow.face.prepare import Resonance
from deidflow.face.series import About, HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image, flags_of, float_like, image_of, millilitres, values_of
from deidflow.settings.face import DefaceSettings
from tests.face.conftest import head

SETTINGS = DefaceSettings()
AIR = 60
"""Voxels of 2 mm added at each end of an axis."""


def ghosted(axis: int, voxels: int, share: float) -> tuple[Image, Image]:
    """A windowed head in much air, without and with a ghost along an axis of z, y, x."""
    width = [(0, 0)] * 3
    width[axis] = (AIR, AIR)
    values = np.pad(values_of(head(5)), width)
    affine = index_to_world(head(5))
    affine[:, 3] -= affine[:, 2 - axis] * AIR
    ghost = share * np.roll(values, voxels, axis)
    return window(image_of(values, affine)), window(image_of(values + ghost, affine))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("voxels", [45, -52])
def test_a_ghost_is_taken_out_of_the_air(axis: int, voxels: int) -> None:
    clean, image = ghosted(axis, voxels, 0.25)
    air = ~flags_of(head_mask(clean))

    cleaned = without_ghosts(image)

    before = (values_of(image) - values_of(clean))[air]
    after = (values_of(cleaned) - values_of(clean))[air]
    assert np.abs(after).mean() < 0.4 * np.abs(before).mean()
    bright = values_of(clean) > 0.5
    assert np.abs(values_of(cleaned) - values_of(image))[bright].mean() < 0.005


def test_heads_without_ghosts_are_left_as_they_are() -> None:
    clean, _ = ghosted(1, 50, 0.0)
    noise = np.random.default_rng(1).normal(0, 0.06, (2, *values_of(clean).shape))
    noisy = float_like(np.hypot(values_of(clean) + noise[0], noise[1]), clean)
    _, y, x = np.indices(values_of(clean).shape, sparse=True)
    coil = (abs(np.hypot(y - 125, x - 64) - 58) < 3) * 0.3
    in_coil = float_like(values_of(clean) + coil, clean)

    for image in (clean, noisy, in_coil):
        assert without_ghosts(image) is image


@pytest.mark.parametrize("voxels", [10, 45])
def test_what_is_too_bright_for_a_ghost_is_left(voxels: int) -> None:
    """A smear at the rim of a small head was taken for one: an engine then lay 47 mm off."""
    _, image = ghosted(2, voxels, 0.6)

    assert without_ghosts(image) is image


def test_a_ghost_makes_no_head_larger(template: Template, registered: Array) -> None:
    _, image = ghosted(2, 40, 0.3)

    figures = features(Resonance.of(image), registered, template)

    assert millilitres(head_mask(image)) > 1.3 * millilitres(head_mask(window(head(5))))
    assert figures["outer_in_head"] < SETTINGS.gate.outer_in_head_max
    assert figures["head_in_template"] > SETTINGS.gate.head_in_template_min


def test_a_head_with_a_second_head_behind_it_is_registered(
    template: Template, registered: Array
) -> None:
    """Ranks made the ghost as bright as the head: the second engine took it for the head."""
    _, image = ghosted(1, 110, 0.3)

    outcome = attempt(HeadSeries("001-MR", (image,), "M", About("MR")), template, SETTINGS)

    assert isinstance(outcome, Registered)
    assert agreement(outcome.affine, registered, template) < 5.0
