"""A mask that ends below the subject's own skin, on a surface of the template."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deidflow.face.affine import IDENTITY, index_to_world
from deidflow.face.anchor import RegionKind, anchor_of
from deidflow.face.brain import Brain, BrainSource, brain_of
from deidflow.face.candidate import Registered
from deidflow.face.engines import SkinEngine, TemplateEngine
from deidflow.face.face_in_view import FaceState
from deidflow.face.mask import Field, WorldMask
from deidflow.face.prepare import Resonance
from deidflow.face.series import About, HeadSeries
from deidflow.face.skin import SkinRegion, skin_region
from deidflow.face.template import Template
from deidflow.face.template_regions import UNIT_MM
from deidflow.face.volume import Flags, Image, flags_of, float_like, image_of, mask_like, values_of
from deidflow.settings.face import DefaceSettings, SkinSettings
from tests.face.conftest import head

SETTINGS = SkinSettings()


@pytest.fixture(scope="module")
def subject(template: Template, registered: np.ndarray) -> Registered:
    prepared = Resonance.of(head(5))
    empty = mask_like(flags_of(prepared.mask) & False, prepared.mask)
    return Registered(
        HeadSeries("001-MR", (head(5),), "M", About("MR")),
        registered,
        FaceState.DEFACED,
        Brain(empty, 0.0, BrainSource.TEMPLATE),
        {"front_in_view": 1.0},
        prepared,
    )


def removed(region: Field, grid: Image) -> Flags:
    return WorldMask(region, 0.0, None, 0.0).on(grid)


def with_image(subject: Registered, image: Image) -> Registered:
    return replace(subject, head=Resonance.of(image))


def test_a_third_of_the_block_goes_and_no_skin_of_the_face_stays(
    subject: Registered, template: Template
) -> None:
    skin = SkinEngine(SETTINGS).face(subject, template)
    block = TemplateEngine().face(subject, template)
    tissue = flags_of(subject.head.mask)
    by_skin = removed(skin.field, subject.head.mask)
    by_block = removed(block.field, subject.head.mask)

    assert skin.kind is RegionKind.SKIN
    assert skin.figures["skin_left"] < 0.02
    assert (by_skin & tissue).sum() / tissue.sum() < 0.055
    assert (by_skin & tissue).sum() < 0.35 * (by_block & tissue).sum()


def test_air_before_the_face_is_emptied(subject: Registered, template: Template) -> None:
    """Ghosts of the nose lie there."""
    values = values_of(head(5))
    front = np.argwhere(flags_of(subject.head.mask))[:, 1].min()
    region = SkinEngine(SETTINGS).face(subject, template).field
    taken = removed(region, head(5))
    middle = values.shape[2] // 2
    height = values.shape[0] // 3
    assert taken[height, : max(front, 1), middle].all()


def test_where_the_face_is_fuller_the_same_surface_is_left(
    subject: Registered, template: Template, registered: np.ndarray
) -> None:
    """Behind it nothing tells how full the face was."""
    slim = skin_region(subject.head, registered, template, SETTINGS)
    zone = slim.field
    before = removed(zone, subject.head.mask)
    tissue = flags_of(subject.head.mask)
    fuller = mask_like(tissue | np.roll(tissue & before, -2, axis=1), subject.head.mask)
    full_head = replace(subject.head, mask=fuller)
    full = skin_region(full_head, registered, template, SETTINGS)

    after = removed(full.field, subject.head.mask)
    assert (before & tissue & ~after).sum() < 0.15 * (before & tissue).sum()
    assert (after & ~before).sum() == 0


@pytest.mark.parametrize("figure", ["skin_off_mm", "skin_doubtful", "skin_left"])
@pytest.mark.parametrize("value", [1000.0, float("nan")])
def test_a_skin_that_does_not_fit_is_not_trusted(figure: str, value: float) -> None:
    good = {"skin_off_mm": 3.0, "skin_doubtful": 0.01, "skin_left": 0.01}
    field = Field(None, IDENTITY)
    assert SkinRegion(field, good).is_trusted(SETTINGS)
    assert not SkinRegion(field, good | {figure: value}).is_trusted(SETTINGS)


def test_noise_brighter_than_skin_means_the_block(subject: Registered, template: Template) -> None:
    """The air before the face shows a ghost as bright as half the head."""
    values = values_of(head(5))
    ghost = np.roll(values, -16, axis=1) * 0.45
    noisy = with_image(subject, float_like(np.maximum(values, ghost), head(5)))
    region = SkinEngine(SETTINGS).face(noisy, template)
    assert region.kind is RegionKind.BLOCK
    is_doubtful = region.figures["skin_doubtful"] > SETTINGS.doubtful_max
    assert is_doubtful or region.figures["skin_left"] > SETTINGS.left_max


def test_outside_the_view_the_block_goes(
    subject: Registered, template: Template, registered: np.ndarray
) -> None:
    """Another series of the session may show what the registered one cuts off."""
    values = values_of(head(5))
    cut = image_of(values[:, 30:].copy(), _shifted(index_to_world(head(5)), 30))
    field = skin_region(Resonance.of(cut), registered, template, SETTINGS).field
    block = TemplateEngine().face(subject, template).field
    unseen = np.zeros(values.shape, bool)
    unseen[:, :26] = True

    by_skin = removed(field, head(5))[unseen]
    by_block = removed(block, head(5))[unseen]
    assert (by_block & ~by_skin).sum() < 0.02 * by_block.sum()


def _shifted(affine: np.ndarray, rows: int) -> np.ndarray:
    shifted = affine.copy()
    shifted[:, 3] += affine[:, 1] * rows
    return shifted


def test_more_room_around_the_brain_stays_than_with_the_block(
    subject: Registered, template: Template
) -> None:
    brain = brain_of(subject.head, subject.affine, template)
    settings = DefaceSettings()
    kept: list[Flags] = []
    for engine in (SkinEngine(SETTINGS), TemplateEngine()):
        anchor = anchor_of(
            replace(subject, brain=brain),
            lambda one, engine=engine: engine.face(one, template),
            settings,
        )
        steps = values_of(anchor.brain.distance)
        kept.append(steps <= round(settings.brain_margin_mm / UNIT_MM))

    with_skin, with_block = kept
    assert not (with_block & ~with_skin).any()
    assert with_skin.sum() > 1.05 * with_block.sum()


def test_the_figures_of_the_skin_are_kept(subject: Registered, template: Template) -> None:
    settings = DefaceSettings(region="skin")
    anchor = anchor_of(subject, lambda one: SkinEngine(SETTINGS).face(one, template), settings)
    assert anchor.kind is RegionKind.SKIN
    assert anchor.margin_mm == 0
    assert anchor.carried_margin_mm == SETTINGS.carried_margin_mm
    assert anchor.registered.figures["skin_left"] < SETTINGS.left_max
