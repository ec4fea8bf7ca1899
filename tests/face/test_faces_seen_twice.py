"""A nose that aliasing folds to the back of the field of view holds the series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deidflow.errors import Withheld
from deidflow.face.affine import Array, index_to_world
from deidflow.face.candidate import Registered
from deidflow.face.cranium import ball_radius, evenly_lit
from deidflow.face.folded import folded_share
from deidflow.face.grids import on_even_grid
from deidflow.face.heads import head_mask
from deidflow.face.prepare import Resonance
from deidflow.face.template import Template
from deidflow.face.volume import Image, float_like, image_of, values_of
from deidflow.settings.face import GateSettings
from deidflow.verdicts import Reason
from tests.face.conftest import head
from tests.face.test_series_of_one_session import carrier, reference, series

__all__ = ["reference"]
MOST = GateSettings().folded_max
DEPTH = 12
"""Rows of 2 mm that are cut off before the head's back."""


def without_nose(folds: bool) -> Image:
    """The field of view begins behind the tip of the nose, which folds to the back, or does not."""
    whole = np.pad(values_of(head(5)), ((0, 0), (0, 20), (0, 0)))
    level = whole.max() / 10
    first = int(np.flatnonzero((whole > level).any((0, 2)))[0]) + DEPTH
    kept = whole[:, first:].copy()
    if folds:
        kept[:, -first:] += whole[:, :first]

    affine = index_to_world(head(5))
    affine[:, 3] += affine[:, 1] * first
    return image_of(kept, affine)


def test_a_folded_nose_is_seen_and_a_cut_one_is_none(template: Template, registered: Array) -> None:
    assert folded_share(without_nose(folds=True), registered, template) > MOST
    assert folded_share(without_nose(folds=False), registered, template) == 0.0
    assert folded_share(head(5), registered, template) == 0.0


def test_a_series_with_a_folded_nose_is_withheld(reference: Registered, template: Template) -> None:
    folded = replace(reference, series=series("001-MR", without_nose(folds=True)))
    cut = replace(reference, series=series("001-MR", without_nose(folds=False)))

    with pytest.raises(Withheld) as caught:
        carrier(folded, template).plan_for(folded.series)
    assert caught.value.reason is Reason.FACE_FOLDED
    assert carrier(cut, template).plan_for(cut.series).figures["folded"] == 0.0


def test_a_cranium_hidden_by_the_receive_field_is_found_and_a_child_does_not_grow() -> None:
    values = values_of(head(5))
    across = np.linspace(-2.0, 2.0, values.shape[1])[None, :, None]
    shaded = float_like(values * np.exp(np.log(4) * across), head(5))
    dim = on_even_grid(Resonance.of(shaded).windowed, 4.0)
    plain = on_even_grid(Resonance.of(head(5)).windowed, 4.0)

    assert ball_radius(head_mask(dim)) < 72
    assert ball_radius(head_mask(evenly_lit(dim))) > 76
    assert evenly_lit(plain) is plain
