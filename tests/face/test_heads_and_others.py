"""A warped head is registered, its face is taken and its brain left; the rest is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.demo.head import average_head, grid_affine, on_grid
from deidflow.dicom.geometry import Plane
from deidflow.face.affine import apply, as_transform, index_to_world, inverse
from deidflow.face.candidate import Registered, attempt
from deidflow.face.face_in_view import in_view
from deidflow.face.gate import agreement, judge
from deidflow.face.grids import nearest
from deidflow.face.mask import Field, WorldMask
from deidflow.face.prepare import Resonance
from deidflow.face.register import register
from deidflow.face.series import About, HeadSeries
from deidflow.face.template import Template, prepare_template
from deidflow.face.template_place import template_path
from deidflow.face.template_regions import extended_region
from deidflow.face.volume import image_of
from deidflow.settings.face import DefaceSettings, GateSettings
from tests.face.conftest import head


def test_a_warped_head_passes_the_gate(template: Template, registered: np.ndarray) -> None:
    prepared = Resonance.of(head(5))
    distance = agreement(
        register(prepared.windowed, template.plain),
        registered,
        template,
    )
    verdict = judge(
        prepared,
        registered,
        distance,
        template,
        GateSettings(),
    )

    assert distance < 8
    assert verdict.passed, verdict


def test_a_defaced_head_is_seen_to_be_defaced(template: Template, registered: np.ndarray) -> None:
    """Masking is idempotent: what comes out goes in again."""
    mask = WorldMask(
        Field(template.distance, registered),
        2.0,
        None,
        0.0,
    )
    values = np.where(removed_on(head(5), mask), 0, sitk.GetArrayFromImage(head(5))).astype(
        np.float32
    )
    again = image_of(values, index_to_world(head(5)))
    outcome = attempt(
        HeadSeries(
            "001-MR",
            (again,),
            "M",
            About("MR"),
        ),
        template,
        DefaceSettings(),
    )

    assert isinstance(outcome, Registered), outcome
    assert outcome.state == "already defaced"


def test_registration_gives_the_same_bits_again(template: Template, registered: np.ndarray) -> None:
    again = register(Resonance.of(head(5)).ranked, template.ranked)
    assert again.tobytes() == registered.tobytes()


def plain_mask(template: Template, affine: np.ndarray, margin: float = 0.0) -> WorldMask:
    return WorldMask(
        Field(template.distance, affine),
        margin,
        None,
        0.0,
    )


def removed_on(volume: sitk.Image, mask: WorldMask) -> np.ndarray:
    """The mask evaluated slice by slice over a whole volume, (z, y, x)."""
    directions = np.array(volume.GetDirection()).reshape(3, 3)
    columns, rows, slices = volume.GetSize()
    dx, dy, _ = volume.GetSpacing()
    planes = [
        Plane(0, 0, 0, rows, columns, np.array(volume.TransformIndexToPhysicalPoint((0, 0, index))),
              directions[:, 0], directions[:, 1], dy, dx,)
        for index in range(slices)
    ]  # fmt: skip
    return np.stack([mask.removed(plane) for plane in planes])


def test_the_mask_takes_eyes_nose_and_chin_and_leaves_the_brain(
    template: Template, registered: np.ndarray
) -> None:
    mask = plain_mask(template, registered)
    removed = image_like(removed_on(head(5), mask), head(5))
    back = inverse(registered)
    assert share_inside(removed, apply(back, template.points["surface"])) > 0.99
    assert share_inside(removed, apply(back, template.points["brain"])) == 0.0
    eyes = np.array([[x, -75.0, z] for x in (-32.0, 32.0) for z in (-28.0, -22.0)])
    assert share_inside(removed, apply(back, eyes)) == 1.0


def image_like(values: np.ndarray, volume: sitk.Image) -> sitk.Image:
    made = sitk.GetImageFromArray(values.astype(np.uint8))
    made.CopyInformation(volume)
    return made


def share_inside(removed: sitk.Image, points: np.ndarray) -> float:
    values = sitk.GetArrayFromImage(removed)
    indices = [removed.TransformPhysicalPointToIndex(point.tolist()) for point in points]
    inside = [
        i for i in indices if all(0 <= k < n for k, n in zip(i, removed.GetSize(), strict=True))
    ]
    return float(np.mean([values[k, j, i] for i, j, k in inside]))


def test_ears_go_when_asked(template: Template) -> None:
    """The skin at the height of the ears, seen from either side, is removed by option only."""
    original = sitk.GetArrayFromImage(template.original) == 0
    brain = nearest(template.brain, template.original)
    head = sitk.GetArrayFromImage(nearest(template.head, template.original)) > 0
    window = np.s_[180:228, 180:226]

    for ears in (False, True):
        removed = extended_region(
            original,
            brain,
            ears,
        )
        for side in (np.s_[:, :, ::1], np.s_[:, :, ::-1]):
            seen, gone = head[side], removed[side]
            first = seen.argmax(2)
            hit = seen.any(2)
            taken = np.take_along_axis(
                gone,
                first[..., None],
                2,
            )[..., 0][window][hit[window]]
            assert bool(taken.mean() > 0.95) is ears


def test_a_grown_mask_contains_the_plain_one(template: Template, registered: np.ndarray) -> None:
    plain = removed_on(head(5), plain_mask(template, registered))
    grown = removed_on(
        head(5),
        plain_mask(
            template,
            registered,
            4.0,
        ),
    )

    assert (grown | ~plain).all()
    assert grown.sum() > 1.05 * plain.sum()


def test_the_mask_does_not_depend_on_how_the_volume_was_cut(
    template: Template, registered: np.ndarray
) -> None:
    """The same points of the patient get the same decision on an oblique grid."""
    mask = plain_mask(template, registered)
    angle = np.deg2rad(20)
    size = (60, 60, 40)
    affine = grid_affine(
        np.array([1.0, 0, 0]),
        np.array([0, np.cos(angle), np.sin(angle)]),
        (3, 3, 4),
        size,
        np.zeros(3),
    )
    oblique = on_grid(
        head(5),
        size,
        affine,
    )
    removed = removed_on(oblique, mask)
    expected = sitk.Resample(
        template.distance,
        oblique,
        as_transform(registered),
        sitk.sitkNearestNeighbor,
        250.0,
        sitk.sitkUInt8,
    )

    assert (removed == (sitk.GetArrayFromImage(expected) == 0)).mean() > 0.999


def test_a_slab_above_the_eyes_has_no_face_in_view(template: Template) -> None:
    size = (64, 64, 20)
    affine = grid_affine(
        np.array([1.0, 0, 0]),
        np.array([0, 1.0, 0]),
        (3.4, 3.4, 3),
        size,
        np.array([0.0, 6.0, 74.0]),
    )
    identity = np.hstack([np.eye(3), np.zeros((3, 1))])
    slab = on_grid(
        average_head(),
        size,
        affine,
    )

    assert (
        in_view(
            slab,
            identity,
            template.points["face"],
            15.0,
        )
        < 0.02
    )
    assert (
        in_view(
            average_head(),
            identity,
            template.points["face"],
            15.0,
        )
        == 1.0
    )


def noise() -> sitk.Image:
    values = (
        np.random.default_rng(2)
        .normal(
            100,
            30,
            (50, 60, 60),
        )
        .astype(np.float32)
    )
    return image_of(values, np.hstack([np.eye(3) * 4, np.full((3, 1), -120.0)]))


def upside_down() -> sitk.Image:
    turned = head(5)
    return image_of(
        sitk.GetArrayFromImage(turned)[::-1, ::-1].copy(),
        np.array([[2.0, 0, 0, -100], [0, 2, 0, -124], [0, 0, 2, -124]]),
    )


@pytest.mark.parametrize("make", [pytest.param(noise, marks=pytest.mark.slow), upside_down])
def test_what_is_no_upright_head_is_refused(template: Template, make: object) -> None:
    volume = make()  # type: ignore[operator]
    prepared = Resonance.of(volume)
    first, second = (
        register(prepared.windowed, template.plain),
        register(prepared.ranked, template.ranked),
    )
    verdict = judge(
        prepared,
        second,
        agreement(
            first,
            second,
            template,
        ),
        template,
        GateSettings(),
    )

    assert not verdict.passed


def test_a_registration_that_is_off_is_refused(template: Template, registered: np.ndarray) -> None:
    shifted = registered.copy()
    shifted[:, 3] += [0, 0, 30.0]
    prepared = Resonance.of(head(5))

    assert not judge(
        prepared,
        shifted,
        0.0,
        template,
        GateSettings(),
    ).passed
    assert (
        judge(
            prepared,
            registered,
            12.0,
            template,
            GateSettings(),
        ).failed
        == "agreement_mm"
    )
    assert (
        judge(
            prepared,
            registered,
            float("nan"),
            template,
            GateSettings(),
        ).failed
        == "agreement_mm"
    )


def test_the_template_file_is_made_once(tmp_path: Path) -> None:
    path = template_path(tmp_path, ears=False)
    path.write_bytes(b"already here")
    prepare_template(str(path), False)
    assert path.read_bytes() == b"already here"
