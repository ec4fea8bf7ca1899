"""Where the top of a head is cut, its vertex is no measure; where no face is in view, none must move."""

from __future__ import annotations

import numpy as np
import pytest

from deidflow.face.affine import Array, affine_of, compose
from deidflow.face.features import features
from deidflow.face.gate import judge
from deidflow.face.prepare import Resonance
from deidflow.face.template import Template
from deidflow.face.volume import Image, values_of
from deidflow.settings.face import GateSettings
from tests.face.conftest import head

GATE = GateSettings()
SLICES, ROWS = 40, 52
"""Of 2 mm: what is cut above, and what is left of the back of the head, which ends before the ears."""


def used(axis: int) -> Array:
    """The planes of an axis (z, y, x) that show `head(5)`."""
    values = values_of(head(5))
    seen = values > values.max() / 10
    others = tuple(other for other in range(3) if other != axis)
    planes: Array = np.flatnonzero(seen.any(others))
    return planes


def lower_part() -> Image:
    """A head without its upper 80 mm: the brow lies near the cut."""
    return head(5)[:, :, : int(used(0)[-1]) - SLICES]


def rear_part() -> Image:
    """A head without its front."""
    return head(5)[:, int(used(1)[-1]) - ROWS :, :]


def decided(image: Image, affine: Array, template: Template) -> str:
    """The first test of shape that a registration fails; empty for none."""
    return judge(Resonance.of(image), affine, 0.0, template, GATE).failed


def test_the_face_below_a_cut_top_is_no_forehead(template: Template, registered: Array) -> None:
    figures = features(Resonance.of(lower_part()), registered, template)

    assert figures["forehead_changed"] <= GATE.forehead_changed_max
    assert decided(lower_part(), registered, template) == ""


def test_the_back_of_a_head_needs_no_face_that_moves(template: Template, registered: Array) -> None:
    figures = features(Resonance.of(rear_part()), registered, template)

    assert figures["face_in_view"] < 0.02
    assert decided(rear_part(), registered, template) == ""


@pytest.mark.parametrize("shift", [(0, 0, 25), (0, 0, -25), (0, 30, 0), (0, -30, 0), (25, 0, 0)])
def test_such_parts_are_refused_where_the_template_lies_elsewhere(
    template: Template, registered: Array, shift: tuple[float, float, float]
) -> None:
    affine = compose(registered, affine_of(np.eye(3), np.array(shift)))

    for part in (lower_part(), rear_part()):
        assert decided(part, affine, template)
