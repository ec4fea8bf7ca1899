"""The subject's own brain where it can be trusted, else the template's; what is spared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deidflow.demo.head import average_head
from deidflow.face.affine import IDENTITY, affine_of
from deidflow.face.anchor import (
    Anchor,
    FaceRegion,
    RegionKind,
    anchor_of,
    can_be_registered,
)
from deidflow.face.brain import Brain, BrainSource, brain_of, field_of, field_with_room
from deidflow.face.candidate import Registered
from deidflow.face.face_in_view import FaceState, state_in_view
from deidflow.face.grids import nearest, shrink
from deidflow.face.lookup import Lookup
from deidflow.face.mask import Field, WorldMask
from deidflow.face.morphology import all_of, grown
from deidflow.face.prepare import Resonance, Tomography, prepared
from deidflow.face.series import About, HeadSeries
from deidflow.face.template import Template
from deidflow.face.template_regions import NEAREST_MM
from deidflow.face.volume import (
    Image,
    dice,
    flags_of,
    float_like,
    mask_like,
    millilitres,
    values_of,
)
from deidflow.settings.face import DefaceSettings
from tests.face.conftest import ball

SETTINGS = DefaceSettings()


@pytest.fixture(scope="module")
def average() -> Image:
    return shrink(average_head(), 2.0)


def series(image: Image, modality: str = "MR", **changes: object) -> HeadSeries:
    about = About(
        modality,
        ("ORIGINAL",),
        **changes,
    )  # type: ignore[arg-type]
    return HeadSeries(
        "001",
        (image,),
        "M",
        about,
    )


def registered(
    image: Image, modality: str = "MR", source: BrainSource = BrainSource.OWN, front: float = 1.0
) -> Registered:
    brain = Brain(
        ball(
            60.0,
            size=30,
            spacing=6.0,
        )
        > 0.5,
        900.0,
        source,
    )
    figures = {"front_in_view": front}
    return Registered(
        series(image, modality),
        IDENTITY,
        FaceState.DEFACED,
        brain,
        figures,
        Resonance.of(image),
    )


def test_the_brain_of_the_average_head_is_found_by_its_intensity(
    average: Image, template: Template
) -> None:
    brain = brain_of(
        Resonance.of(average),
        IDENTITY,
        template,
    )
    expected = nearest(template.brain, brain.mask)

    assert brain.source is BrainSource.OWN
    assert 1_100 < brain.millilitres < 1_500
    assert dice(flags_of(brain.mask), flags_of(expected)) > 0.9


def test_a_head_of_one_brightness_gets_the_templates_brain(
    average: Image, template: Template
) -> None:
    """Nothing in it differs from brain, so that its own estimate is far too large."""
    flat = float_like(np.where(values_of(average) > 60, 300.0, 0.0), average)
    prepared_head = Resonance.of(flat)

    brain = brain_of(
        prepared_head,
        IDENTITY,
        template,
    )

    if brain.source is BrainSource.TEMPLATE:
        assert brain.millilitres == pytest.approx(millilitres(template.brain), rel=0.02)
    else:
        assert brain.millilitres <= 1_700


def test_a_brain_out_of_view_is_empty(average: Image, template: Template) -> None:
    away = affine_of(np.eye(3), np.array([0.0, 0.0, 900.0]))

    brain = brain_of(
        Resonance.of(average),
        away,
        template,
    )

    assert (brain.source, brain.millilitres) == (BrainSource.TEMPLATE, 0.0)
    assert not flags_of(brain.mask).any()


def test_a_brain_on_ct_that_ran_into_the_neck_is_not_trusted(
    average: Image, template: Template
) -> None:
    body = (
        ball(
            110.0,
            size=120,
            spacing=2.0,
        )
        > 0.5
    )
    tomography = Tomography(
        average,
        body,
        nearest(body, average),
    )

    brain = brain_of(
        tomography,
        IDENTITY,
        template,
    )

    assert brain.source is BrainSource.TEMPLATE


def test_a_brain_on_ct_where_the_templates_is_is_trusted(
    average: Image, template: Template
) -> None:
    own = nearest(template.brain, average)
    brain = brain_of(
        Tomography(
            average,
            own,
            own,
        ),
        IDENTITY,
        template,
    )
    assert brain.source is BrainSource.OWN
    assert brain.millilitres == pytest.approx(millilitres(own), rel=0.01)


def test_the_field_of_a_brain_lies_in_its_own_series() -> None:
    brain = Brain(
        ball(
            30.0,
            size=30,
            spacing=4.0,
        )
        > 0.5,
        113.0,
        BrainSource.OWN,
    )

    field = field_of(brain)

    assert np.array_equal(field.affine, IDENTITY)
    assert np.array_equal(values_of(field.distance) == 0, flags_of(brain.mask))


def test_what_lies_deep_beside_the_brain_is_kept_and_the_skin_goes(
    average: Image, template: Template
) -> None:
    """The frontal pole is as dark as fluid, so the estimate of the brain misses it."""
    inside = flags_of(nearest(template.brain, average))
    pole = inside & (np.indices(inside.shape)[1] < 36)
    dark = float_like(np.where(pole, 0.3, 1.0) * values_of(average), average)
    brain = brain_of(Resonance.of(dark), IDENTITY, template)
    deep = all_of(
        grown(nearest(template.brain, average), 14.0),
        grown(nearest(template.head, average), -16.0),
    )

    kept, alone = (
        WorldMask(Field(template.distance, IDENTITY), 4.0, field, SETTINGS.brain_margin_mm)
        for field in (field_with_room(brain, SETTINGS.brain_margin_mm), field_of(brain))
    )

    assert brain.source is BrainSource.OWN
    assert alone.taken(deep) > 0.5
    assert kept.taken(deep) == 0.0
    removed = mask_like(kept.on(average), average)
    assert Lookup.of_mask(removed).at(template.points["front"]).share() == 1.0


def test_where_the_view_ends_in_the_face_the_brain_alone_is_kept(
    average: Image, template: Template
) -> None:
    whole = registered(average)
    found = replace(whole, brain=brain_of(whole.head, IDENTITY, template))
    partial = replace(found, figures={"front_in_view": 0.2})

    larger, smaller = (values_of(_anchor(one).brain.distance) for one in (found, partial))

    assert (larger <= smaller).all()
    assert (larger < smaller).any()
    assert np.array_equal(smaller, values_of(field_of(found.brain).distance))


@pytest.mark.parametrize(
    ("modality", "source", "margin"),
    [
        ("MR", BrainSource.OWN, SETTINGS.brain_margin_mm),
        ("CT", BrainSource.OWN, SETTINGS.skull_margin_mm),
        ("MR", BrainSource.TEMPLATE, NEAREST_MM),
    ],
)
def test_more_is_spared_around_bone_and_where_the_brain_is_a_guess(
    modality: str, source: BrainSource, margin: float
) -> None:
    anchor = _anchor(
        registered(
            ball(60.0),
            modality,
            source,
        )
    )
    assert anchor.brain_margin_mm == margin


@pytest.mark.parametrize(
    ("kind", "front", "margin"),
    [
        (RegionKind.BLOCK, 1.0, SETTINGS.margin_mm),
        (RegionKind.BLOCK, 0.2, SETTINGS.partial_margin_mm),
        (RegionKind.SKIN, 1.0, 0.0),
        (RegionKind.PROGRAM, 0.2, SETTINGS.partial_margin_mm),
    ],
)
def test_the_region_grows_where_the_view_ends_in_the_face(
    kind: RegionKind, front: float, margin: float
) -> None:
    anchor = _anchor(registered(ball(60.0), front=front), kind=kind)
    assert anchor.margin_mm == margin


def _anchor(
    one: Registered,
    settings: DefaceSettings = SETTINGS,
    kind: RegionKind = RegionKind.BLOCK,
) -> Anchor:
    return anchor_of(
        one,
        lambda _: FaceRegion(Field(ball(20.0), IDENTITY), kind, {}),
        settings,
    )


@pytest.mark.parametrize(
    ("modality", "changes", "expected"),
    [
        ("MR", {}, True),
        ("CT", {}, True),
        ("PT", {}, False),
        ("MR", {"colour": True}, False),
    ],
)
def test_only_grey_mr_and_ct_are_registered_alone(
    modality: str, changes: dict[str, bool], expected: bool
) -> None:
    assert (
        can_be_registered(
            series(
                ball(60.0),
                modality,
                **changes,
            )
        )
        is expected
    )


def test_few_slices_are_not_registered_alone() -> None:
    assert not can_be_registered(series(ball(60.0)[:, :, 10:29]))
    assert can_be_registered(series(ball(60.0)[:, :, 10:30]))


def test_a_head_is_prepared_as_its_modality_asks() -> None:
    image = ball(60.0)
    assert isinstance(prepared(series(image)), Resonance)
    assert isinstance(prepared(series(image, "PT")), Resonance)
    assert isinstance(prepared(series(image * 100, "CT")), Tomography)


def test_a_view_above_the_brow_shows_no_face(average: Image, template: Template) -> None:
    index = average.TransformPhysicalPointToIndex((0.0, 0.0, 50.0))[2]

    whole = state_in_view(
        series(average),
        IDENTITY,
        template,
    )
    crown = state_in_view(
        series(average[:, :, index:]),
        IDENTITY,
        template,
    )

    assert whole is FaceState.DEFACED
    assert crown is FaceState.NO_FACE_IN_VIEW


def test_one_stack_with_the_face_is_enough(average: Image, template: Template) -> None:
    index = average.TransformPhysicalPointToIndex((0.0, 0.0, 50.0))[2]
    both = HeadSeries(
        "001",
        (average[:, :, index:], average),
        "M",
        About("MR"),
    )
    assert (
        state_in_view(
            both,
            IDENTITY,
            template,
        )
        is FaceState.DEFACED
    )


def test_a_thin_view_does_not_prove_that_there_is_no_face(
    average: Image, template: Template
) -> None:
    index = average.TransformPhysicalPointToIndex((0.0, 0.0, 60.0))[2]
    thin = series(average[:, :, index : index + 6])
    assert (
        state_in_view(
            thin,
            IDENTITY,
            template,
        )
        is FaceState.DEFACED
    )


def test_states_are_the_words_of_the_tables() -> None:
    assert [str(state) for state in FaceState] == [
        "defaced",
        "no face in view",
        "already defaced",
    ]
