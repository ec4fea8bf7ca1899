"""The mask of a registered head reaches the other series of its session, or they are withheld."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.demo.head import average_head, grid_affine, on_grid
from deidflow.errors import Withheld
from deidflow.face.affine import IDENTITY, Array, apply, compose, index_to_world, inverse
from deidflow.face.anchor import anchor_of, rank_candidates
from deidflow.face.brain import brain_of
from deidflow.face.candidate import Registered
from deidflow.face.engines import TemplateEngine
from deidflow.face.grids import shrink
from deidflow.face.mask_plan import MaskPlan
from deidflow.face.prepare import Resonance
from deidflow.face.series import About, HeadSeries
from deidflow.face.session import Carrier, brain_lost
from deidflow.face.template import Template
from deidflow.face.volume import image_of
from deidflow.settings.face import DefaceSettings, GateSettings
from deidflow.verdicts import Reason
from tests.face.conftest import head

ABOUT = About("MR", ("ORIGINAL", "PRIMARY", "M"), "3D", "HEAD", frame_of_reference="1.2.3")


def series(name: str, *stacks: sitk.Image, component: str = "M", **about: object) -> HeadSeries:
    return HeadSeries(
        name,
        stacks,
        component,
        replace(ABOUT, **about),
        resolution_mm=max(stacks[0].GetSpacing()),
    )


def slab(slices: int = 24, height: float = 10.0, thickness: float = 4.0) -> sitk.Image:
    """Axial slices of the registered head, of another contrast."""
    size = (70, 80, slices)
    affine = grid_affine(
        np.array([1.0, 0, 0]),
        np.array([0, 1.0, 0]),
        (3.0, 3.0, thickness),
        size,
        np.array([0, -10.0, height]),
    )
    values = sitk.GetArrayFromImage(
        on_grid(
            head(5),
            size,
            affine,
        )
    )

    return image_of(np.where(values > 60, 700 - 0.8 * values, values).astype(np.float32), affine)


def motion(shift: tuple[float, float, float], angle: float) -> Array:
    turn = sitk.Euler3DTransform()
    turn.SetRotation(angle, 0.0, angle)
    return np.hstack([np.array(turn.GetMatrix()).reshape(3, 3), np.array(shift)[:, None]])


def moved(image: sitk.Image, by: Array) -> sitk.Image:
    return image_of(sitk.GetArrayFromImage(image), compose(by, index_to_world(image)))


@pytest.fixture(scope="session")
def reference(template: Template, registered: np.ndarray) -> Registered:
    prepared = Resonance.of(head(5))
    brain = brain_of(
        prepared,
        registered,
        template,
    )
    return Registered(
        series("001-MR", head(5)),
        registered,
        "defaced",
        brain,
        {"front_in_view": 1.0},
        prepared,
    )


def carrier(
    reference: Registered,
    template: Template,
    siblings: tuple[HeadSeries, ...] = (),
    gate: GateSettings | None = None,
) -> Carrier:
    settings = DefaceSettings(gate=gate or GateSettings())

    def locate(registered: Registered) -> object:
        return TemplateEngine().face(registered, template)

    return Carrier.of(
        anchor_of(
            reference,
            locate,
            settings,
        ),
        template,
        settings,
        locate,
        siblings,
    )  # type: ignore[arg-type]


def test_the_room_around_the_brain_grows_with_the_region_on_a_carried_series(
    reference: Registered, template: Template
) -> None:
    plan = carrier(reference, template).plan_for(reference.series)
    grown = replace(plan, margin_mm=plan.anchor.carried_margin_mm)
    own, carried = plan.mask(), grown.mask()
    assert own.brain is not None
    near = own.brain.within(head(5), own.brain_margin_mm + 1.9)

    assert carried.margin_mm > own.margin_mm
    assert (own.on(head(5)) & near).any()
    assert not (carried.on(head(5)) & near).any()


def test_a_head_that_moved_between_series_is_found_again(
    reference: Registered, template: Template
) -> None:
    by = motion((3.0, -3.0, 2.0), 0.03)
    plan = carrier(reference, template).plan_for(
        series(
            "002-MR",
            moved(slab(), by),
            frame_of_reference="another",
        )
    )
    face = apply(inverse(reference.affine), template.points["surface"])
    off = apply(inverse(plan.motion), face) - apply(by, face)

    assert plan.how == "refined"
    assert np.linalg.norm(apply(by, face) - face, axis=1).mean() > 4
    assert np.linalg.norm(off, axis=1).mean() < 1.5
    assert plan.figures["brain_lost_ml"] <= 0.1


def test_a_series_that_does_not_show_where_it_lies_is_withheld(
    reference: Registered, template: Template
) -> None:
    flat = slab(slices=2)
    noise = image_of(
        np.random.default_rng(1)
        .normal(
            100,
            9,
            (2, 80, 70),
        )
        .astype(np.float32),
        index_to_world(flat),
    )

    with pytest.raises(Withheld) as caught:
        carrier(reference, template).plan_for(series("002-MR", noise))
    assert (caught.value.reason, "contrast" in caught.value.detail) == (Reason.NOT_CARRIED, True)


def test_two_slices_of_a_localizer_are_found(reference: Registered, template: Template) -> None:
    plan = carrier(reference, template).plan_for(
        series(
            "002-MR",
            slab(slices=2),
            image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"),
        )
    )
    assert (plan.how, plan.state) == ("refined", "defaced")


def test_a_head_that_moved_too_far_is_withheld_where_it_cannot_be_registered_alone(
    reference: Registered, template: Template
) -> None:
    far = moved(slab(slices=12), motion((0.0, 0.0, 14.0), 0.0))
    with pytest.raises(Withheld) as caught:
        carrier(reference, template).plan_for(series("002-MR", far))
    assert caught.value.reason is Reason.NOT_CARRIED
    assert "moved" in caught.value.detail


def test_phase_follows_the_magnitude_on_its_grid(reference: Registered, template: Template) -> None:
    by = motion((2.0, 2.0, 3.0), 0.02)
    magnitude = series("002-MR", moved(slab(), by))
    wrapped = (
        np.random.default_rng(2)
        .uniform(
            0,
            4095,
            (24, 80, 70),
        )
        .astype(np.float32)
    )
    phase = series(
        "003-MR",
        image_of(wrapped, index_to_world(magnitude.main)),
        component="P",
    )
    one = carrier(
        reference,
        template,
        (magnitude, phase),
    )

    assert one.plan_for(phase).how == "magnitude"
    assert np.array_equal(one.plan_for(phase).motion, one.plan_for(magnitude).motion)


def test_the_brain_is_spared_and_the_skin_is_not(reference: Registered, template: Template) -> None:
    plan = carrier(reference, template).plan_for(reference.series)

    assert (plan.how, plan.figures["brain_lost_ml"]) == ("reference", 0.0)
    skin = apply(inverse(reference.affine), template.points["front"])
    removed = sitk.GetImageFromArray(plan.mask().on(head(5)).astype(np.uint8))
    removed.CopyInformation(head(5))
    hit = [
        removed[removed.TransformPhysicalPointToIndex(point.tolist())]
        for point in skin
        if inside(removed, point)
    ]
    assert np.mean(hit) > 0.98


def inside(image: sitk.Image, point: np.ndarray) -> bool:
    index = image.TransformPhysicalPointToIndex(point.tolist())
    return all(0 <= one < size for one, size in zip(index, image.GetSize(), strict=True))


@pytest.mark.parametrize("part", ["stacks", "later"])
def test_a_stack_or_volume_that_shows_the_head_elsewhere_holds_the_series(
    part: str, reference: Registered, template: Template
) -> None:
    """In the registered series itself, and in another one."""
    elsewhere = (moved(slab(slices=12), motion((0.0, 25.0, 20.0), 0.1)),)
    for one in (reference.series, series("002-MR", slab())):
        parts = {"stacks": one.stacks + elsewhere} if part == "stacks" else {"later": (elsewhere,)}
        with pytest.raises(Withheld) as caught:
            carrier(reference, template).plan_for(replace(one, **parts))  # type: ignore[arg-type]
        assert caught.value.reason in (Reason.PARTS_APART, Reason.NOT_CARRIED)


def test_a_later_volume_in_place_is_no_reason(reference: Registered, template: Template) -> None:
    assert carrier(reference, template).plan_for(series("002-MR", slab())).how == "refined"
    again = replace(series("002-MR", slab()), later=((slab(),),))
    assert carrier(reference, template).plan_for(again).how == "refined"


def test_a_head_far_away_is_never_carried_by_coordinates(
    reference: Registered, template: Template
) -> None:
    far = moved(slab(slices=12), motion((0.0, 0.0, 400.0), 0.0))
    with pytest.raises(Withheld):
        carrier(reference, template).plan_for(series("002-MR", far))


def test_brain_inside_a_mask_is_measured_on_the_series_itself(template: Template) -> None:
    average = series("001-MR", average_head())
    brain = brain_of(
        Resonance.of(average.main),
        IDENTITY,
        template,
    )

    assert brain.source == "own"
    anchor = carrier(
        Registered(
            average,
            IDENTITY,
            "defaced",
            brain,
            {"front_in_view": 1.0},
            Resonance.of(average.main),
        ),
        template,
    ).anchor
    plan = MaskPlan(
        "defaced",
        "refined",
        anchor,
        margin_mm=10.0,
    )
    blind = replace(anchor, brain=replace(anchor.brain, distance=anchor.brain.distance * 0 + 250))
    other = series("002-MR", shrink(average_head(), 3.0))
    taken = brain_lost(
        other,
        replace(plan, anchor=blind),
        template,
    )
    assert taken > 1.0
    assert (
        brain_lost(
            other,
            plan,
            template,
        )
        < 0.1 * taken
    )


def test_the_reference_is_the_three_dimensional_t1() -> None:
    thin = series(
        "004-MR",
        head(5),
        t1_like=True,
    )
    candidates = [
        series(
            "001-MR",
            slab(),
            image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"),
        ),
        series(
            "002-MR",
            slab(),
            acquisition_type="2D",
        ),
        series("003-MR", head(5)),
        thin,
        replace(thin, name="005-MR", volumes=30),
        series(
            "006-MR",
            head(5),
            component="P",
        ),
        series(
            "007-PT",
            head(5),
            modality="PT",
        ),
        series(
            "008-CT",
            head(5),
            modality="CT",
        ),
        series(
            "009-MR",
            head(5),
            colour=True,
            t1_like=True,
        ),
    ]
    names = [one.name for one in rank_candidates(candidates)]

    assert names == ["004-MR", "003-MR", "005-MR", "002-MR", "008-CT"]
