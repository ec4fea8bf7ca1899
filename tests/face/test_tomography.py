"""On CT the brain must be where the template's is; a trunk is told from a head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.face.affine import apply, index_to_world, inverse
from deidflow.face.brain import field_of
from deidflow.face.candidate import Refused, Registered, attempt
from deidflow.face.grids import shrink
from deidflow.face.mask import Field, WorldMask
from deidflow.face.morphology import grown
from deidflow.face.other_body_part import shows_no_head
from deidflow.face.series import About, HeadSeries, scope_rule_for
from deidflow.face.template import Template
from deidflow.face.tomography import head_and_brain
from deidflow.face.volume import image_of, like, millilitres
from deidflow.settings.face import DefaceSettings, ScopeRule
from tests.face.conftest import tomography

SETTINGS = DefaceSettings()


def series(image: sitk.Image, **about: str) -> HeadSeries:
    return HeadSeries(
        "001-CT",
        (image,),
        "M",
        About("CT", **about),
    )  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def registered(template: Template) -> Registered:
    outcome = attempt(
        series(tomography()),
        template,
        SETTINGS,
    )
    assert isinstance(outcome, Registered), outcome
    return outcome


def test_a_head_on_ct_is_proven_by_its_brain(registered: Registered) -> None:
    assert registered.state == "defaced"
    assert registered.figures["brain_dice"] > 0.92
    assert registered.figures["agreement_mm"] < 3
    assert "others_mm" not in registered.figures


def test_the_face_goes_and_the_skull_base_stays(registered: Registered, template: Template) -> None:
    image = tomography()
    face, brain = Field(template.distance, registered.affine), registered.brain
    mask = WorldMask(
        face,
        SETTINGS.margin_mm,
        field_of(brain),
        SETTINGS.skull_margin_mm,
    )
    removed = mask.on(image)
    skull_base = sitk.GetArrayFromImage(sitk.And(image > 300, near_brain(image))) > 0

    assert millilitres(like((removed & skull_base).astype(np.uint8), image)) <= 0.1
    skin = apply(
        inverse(index_to_world(image)), apply(inverse(registered.affine), template.points["front"])
    )
    x, y, z = np.rint(skin).astype(int).T
    seen = (x >= 0) & (x < image.GetSize()[0]) & (y >= 0) & (z >= 0) & (z < image.GetSize()[2])
    assert removed[z[seen], y[seen], x[seen]].mean() > 0.98


def near_brain(image: sitk.Image) -> sitk.Image:
    return grown(head_and_brain(image)[1], 8.0)


def test_a_headrest_is_not_part_of_the_brain(registered: Registered) -> None:
    assert 700 < registered.figures["brain_ml"] < 1_700


def test_a_head_without_its_crown_is_not_proven(template: Template) -> None:
    cut = tomography()[:, :, : tomography().GetSize()[2] // 2]
    outcome = attempt(
        series(cut),
        template,
        SETTINGS,
    )
    assert isinstance(outcome, Refused)


def body(width: float, depth: float) -> sitk.Image:
    """An elliptic trunk of soft tissue with a spine, 2 mm."""
    _, y, x = np.mgrid[:30, :150, :220]
    inside = ((x - 110) * 2 / width) ** 2 + ((y - 75) * 2 / depth) ** 2 < 0.25
    values = np.where(inside, 40.0, -1000.0)
    values[((x - 110) ** 2 + (y - 100) ** 2 < 80)] = 600
    return image_of(values.astype(np.float32), np.hstack([np.eye(3) * 2, np.full((3, 1), -150.0)]))


def test_a_trunk_shows_that_it_is_no_head() -> None:
    assert shows_no_head(series(body(340, 220)))


def test_what_could_be_a_head_shows_nothing() -> None:
    trunk, head = body(340, 220), shrink(tomography(), 4.0)
    assert not shows_no_head(series(body(160, 200)))
    assert not shows_no_head(series(head))
    assert not shows_no_head(series(trunk[:, :, :5]))
    assert not shows_no_head(series(trunk, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER")))  # type: ignore[arg-type]
    assert not shows_no_head(replace(series(trunk), stacks=(trunk, head)))
    assert not shows_no_head(replace(series(trunk), about=About("MR")))
    assert not shows_no_head(series(sitk.Cast(trunk + 1024, sitk.sitkFloat32))), (
        "without an intercept air is no air"
    )


@pytest.mark.parametrize(
    ("body_part", "words", "other"),
    [
        ("CHEST", "CT Thorax", True),
        ("L-SPINE", "", True),
        ("CHEST", "Chest and Head", False),
        ("NECK", "", False),
        ("", "Knie links", False),
        ("WHOLEBODY", "", False),
    ],
)
def test_attributes_name_another_part_only_where_nothing_speaks_of_a_head(
    body_part: str, words: str, other: bool
) -> None:
    assert (
        About(
            "CT",
            body_part=body_part,
            words=words,
        ).says_other_body_part
        is other
    )


def test_the_first_rule_that_fits_decides() -> None:
    rules = (
        ScopeRule(
            modality="MR",
            series="*knee*",
            action="skip",
            reason="knees by protocol",
        ),
        ScopeRule(
            body_part="CHEST",
            action="force",
            reason="mislabelled heads of 2019",
        ),
    )
    settings = DefaceSettings(scope=rules)
    about = About(
        "MR",
        body_part="CHEST",
        description="T1 Knee left",
    )

    assert scope_rule_for(about, settings) == rules[0]
    assert scope_rule_for(replace(about, description="brain"), settings) == rules[1]
    assert scope_rule_for(replace(about, description="brain", body_part="HEAD"), settings) is None
