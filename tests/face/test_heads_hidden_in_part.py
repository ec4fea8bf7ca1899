"""Heads of which metal, the receive field or the field of view hides a part are registered all the
same, and what the gate then forgives does not let a wrong registration through."""

from __future__ import annotations

import numpy as np
import pytest

from deidflow.face.affine import Array, affine_through, apply, compose, inverse
from deidflow.face.candidate import Registered, attempt
from deidflow.face.cut_head import centre_beyond
from deidflow.face.features import features
from deidflow.face.gate import agreement, judge
from deidflow.face.grids import on_even_grid
from deidflow.face.heads import head_centres, head_mask
from deidflow.face.intensities import window
from deidflow.face.prepare import Resonance
from deidflow.face.series import About, HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image, Values, float_like, index_points, values_of
from deidflow.settings.face import DefaceSettings
from tests.face.conftest import head

SETTINGS = DefaceSettings()
FRONT_ROWS = 40


def places() -> Values:
    """World points of the voxels of `head(5)`, (z, y, x, 3)."""
    z, y, x = np.indices(values_of(head(5)).shape)
    points = index_points(head(5), x.ravel(), y.ravel(), z.ravel())
    return points.reshape(*x.shape, 3)


def with_void(template: Template, registered: Array) -> Image:
    """No signal around metal above an eye, as far as the frontal lobe."""
    middle = apply(inverse(registered), template.points["brain"]).mean(0)
    away = np.linalg.norm(places() - (middle + np.array([30.0, -75.0, -25.0])), axis=-1)
    return float_like(np.where(away < 45, 0, values_of(head(5))), head(5))


def shaded() -> Image:
    """A receive field from a quarter at the back to four times in front."""
    y = np.linspace(-1.4, 1.4, values_of(head(5)).shape[1])[None, :, None]
    return float_like(values_of(head(5)) * 4 ** np.clip(-y, -1, 1), head(5))


def front_part() -> Image:
    """The front third of a head: no centre of it is in view."""
    seen = values_of(head(5)) > values_of(head(5)).max() / 10
    first = int(np.flatnonzero(seen.any((0, 2)))[0])
    return head(5)[:, max(0, first - 4) : first + FRONT_ROWS, :]


def decided(image: Image, affine: Array, template: Template) -> str:
    """The first test of shape that a registration fails; empty for none."""
    return judge(Resonance.of(image), affine, 0.0, template, SETTINGS.gate).failed


def test_metal_does_not_make_a_head_too_small(template: Template, registered: Array) -> None:
    image = with_void(template, registered)

    figures = features(Resonance.of(image), registered, template)

    assert figures["cranium_ratio"] < SETTINGS.gate.cranium_ratio_min
    assert figures["scalp_fit"] > SETTINGS.gate.scalp_fit_min
    assert decided(image, registered, template) == ""


def test_what_the_receive_field_hides_is_no_refusal(template: Template, registered: Array) -> None:
    image = shaded()

    assert features(Resonance.of(image), registered, template)["vault_in_head"] < 0.92
    assert decided(image, registered, template) == ""


@pytest.mark.parametrize("scale", [0.8, 0.88, 1.14, 1.25])
def test_the_wrong_size_is_refused_on_such_heads_too(
    template: Template, registered: Array, scale: float
) -> None:
    middle = apply(inverse(registered), template.points["brain"]).mean(0)
    wrong = affine_through(np.eye(3) / scale, point=middle, target=middle)
    affine = compose(registered, wrong)

    for image in (with_void(template, registered), shaded()):
        assert decided(image, affine, template)
    assert features(Resonance.of(head(5)), affine, template)["scalp_fit"] < 0.7


def test_the_middle_of_a_head_may_lie_beyond_the_field_of_view(registered: Array) -> None:
    part = on_even_grid(window(front_part()), 4.0)
    whole = on_even_grid(window(head(5)), 4.0)
    expected = head_centres(whole)[0]
    seen = head_centres(part)[0]
    assert seen is not None
    assert expected is not None

    centre = centre_beyond(head_mask(part), seen)

    assert centre is not None
    assert np.linalg.norm(seen - expected) > 40
    assert np.linalg.norm(centre - expected) < 30
    assert centre_beyond(head_mask(whole), expected) is None


def test_the_front_third_of_a_head_is_registered(template: Template, registered: Array) -> None:
    series = HeadSeries("001-MR", (front_part(),), "M", About("MR"))

    outcome = attempt(series, template, SETTINGS)

    assert isinstance(outcome, Registered)
    assert agreement(outcome.affine, registered, template) < 6.0
