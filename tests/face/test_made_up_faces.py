"""A made-up face in the place of what was removed: the same in all sessions of a subject, nobody's."""

from __future__ import annotations

import numpy as np

from deidflow.face.grids import nearest
from deidflow.face.morphology import filled_by_slice
from deidflow.face.prepare import Resonance
from deidflow.face.skin import skin_region
from deidflow.face.surrogate import TISSUE, made_up_head
from deidflow.face.template import Template
from deidflow.face.volume import Flags, Image, flags_of, mask_like, view_of
from deidflow.settings.face import SkinSettings
from tests.face.conftest import head

KEY = b"k" * 32


def tissue(image: Image) -> Flags:
    flags: Flags = view_of(image) > TISSUE
    return flags


def outline(image: Image) -> Flags:
    return flags_of(filled_by_slice(mask_like(tissue(image), image)))


def test_a_subject_has_one_face_in_every_session_and_nobody_else_has_it(
    template: Template,
) -> None:
    one = view_of(made_up_head(template.average, KEY, "P001"))
    assert np.array_equal(one, view_of(made_up_head(template.average, KEY, "P001")))

    average = tissue(template.average)
    for key, pseudonym in ((KEY, "P002"), (b"x" * 32, "P001")):
        other = tissue(made_up_head(template.average, key, pseudonym))
        assert (other ^ (one > TISSUE)).sum() > 0.1 * average.sum()


def test_a_made_up_head_covers_the_average_one(template: Template) -> None:
    average = outline(template.average)
    for pseudonym in ("P001", "P002", "P003"):
        made_up = outline(made_up_head(template.average, KEY, pseudonym))
        assert (average & ~made_up).sum() < 0.12 * average.sum()
        assert made_up.sum() > average.sum()


def test_a_made_up_head_has_no_brain(template: Template) -> None:
    """Enlarged, it would lie on the forehead, where a search for brains takes it for one."""
    brain = flags_of(nearest(template.brain, template.average))
    head = view_of(template.average)
    assert (head[brain] == 0).all()
    assert tissue(template.average).sum() > 0.3 * brain.sum()


def test_the_chin_goes_on_below_the_template(template: Template) -> None:
    """The template's own images end at the chin: what a mask removes below must not stay empty."""
    average = tissue(template.average)
    front = np.where(average.any((1, 2)), average.any(2).argmax(1), 999)
    assert (front[15:60] < 999).all()
    assert front[15] > front[35] + 5

    values = view_of(template.average)
    bright = [np.median(one[one > 0]) for one in values[5:60]]
    assert max(bright) < 1.2 * min(bright)


def test_a_made_up_face_lies_on_the_forehead_and_takes_nothing_of_it(
    template: Template, registered: np.ndarray
) -> None:
    subject = Resonance.of(head(5))
    plain = skin_region(subject, registered, template, SkinSettings())
    covering = skin_region(subject, registered, template, SkinSettings(), covers=True)
    before = plain.field.within(subject.mask, 0.0)
    after = covering.field.within(subject.mask, 0.0)

    more = after & ~before
    is_tissue = flags_of(subject.mask)
    assert (more & is_tissue).sum() < 0.003 * is_tissue.sum()
    assert more.sum() > 0.05 * is_tissue.sum()
    assert covering.figures["skin_left"] <= plain.figures["skin_left"]
