"""Stacks that move by themselves, and a head that moves in the middle of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deidflow.dicom.geometry import Plane
from deidflow.dicom.stack import stack_key
from deidflow.errors import Withheld
from deidflow.face.affine import IDENTITY, apply, compose, inverse
from deidflow.face.candidate import Registered
from deidflow.face.copies import Copies, head_distance
from deidflow.face.mask import Field, WorldMask
from deidflow.face.parts import StackMotion
from deidflow.face.plane_grid import grid_of
from deidflow.face.refine import shift_mm
from deidflow.face.series_mask import SeriesMask
from deidflow.face.template import Template
from deidflow.face.volume import image_of
from deidflow.steps.mask_fields import keep_fields, read_mask
from deidflow.steps.results import MaskFields
from deidflow.store.record import adapter_of
from deidflow.verdicts import Reason
from tests.face.conftest import cube_affine
from tests.face.test_series_of_one_session import carrier, motion, moved, reference, series, slab

__all__ = ["reference"]


def test_a_head_that_moves_in_the_middle_of_a_run_holds_the_series(
    reference: Registered, template: Template
) -> None:
    """Once only the last volume was looked at; the head may come back to where it was."""
    away = moved(slab(), motion((4.0, 9.0, 8.0), 0.05))
    run = [slab(), away, slab(), slab()]

    with pytest.raises(Withheld) as caught:
        carrier(reference, template).plan_for(
            replace(
                series("002-MR", slab()),
                later=tuple((volume,) for volume in run),
            )
        )
    assert caught.value.reason is Reason.PARTS_APART


def test_a_run_in_which_the_head_rests_or_nods_is_carried(
    reference: Registered, template: Template
) -> None:
    nodding = moved(slab(), motion((0.0, 1.0, 1.5), 0.02))
    noise = np.random.default_rng(1).random((24, 80, 70)).astype(np.float32)
    blank = image_of(noise, cube_affine(3.0, -100.0))
    run = replace(
        series("002-MR", slab()),
        later=((nodding,), (blank,), (slab(),)),
    )
    assert carrier(reference, template).plan_for(run).how == "refined"


def test_each_stack_of_a_localizer_moves_by_itself(
    reference: Registered, template: Template
) -> None:
    by = motion((0.0, 5.0, 3.0), 0.0)
    keys = ((1.0, 2.0), (3.0, 4.0))
    localizer = replace(
        series("002-MR", slab(slices=8), moved(slab(slices=6), by)),
        stack_keys=keys,
    )
    plan = carrier(reference, template).plan_for(localizer)

    face = apply(inverse(reference.affine), template.points["surface"])
    first, second = plan.stacks
    assert (first.key, second.key) == keys
    assert shift_mm(first.motion, IDENTITY, face) < 2.0
    assert shift_mm(second.motion, inverse(by), face) < 2.0


def test_a_plane_is_masked_as_its_own_stack_moved() -> None:
    distance = np.full((20, 20, 20), 250, np.uint8)
    distance[:, :5] = 0
    face = Field(image_of(distance, cube_affine(1.0)), IDENTITY)
    by = motion((0.0, 4.0, 0.0), 0.0)
    still = WorldMask(face, 0.0, None, 0.0)
    elsewhere = WorldMask(face.seen_from(by), 0.0, None, 0.0)
    axial = plane(np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
    sagittal = plane(np.array([0, 1.0, 0]), np.array([0, 0, 1.0]))

    mask = SeriesMask(still, {stack_key(sagittal): elsewhere})

    assert np.array_equal(mask.removed(axial), still.removed(axial))
    assert np.array_equal(mask.removed(sagittal), elsewhere.removed(sagittal))
    assert mask.removed(sagittal).sum() < still.removed(sagittal).sum()


def plane(row: np.ndarray, column: np.ndarray) -> Plane:
    return Plane(
        frame=0,
        top=0,
        left=0,
        rows=20,
        columns=20,
        origin=np.zeros(3),
        row_direction=row,
        column_direction=column,
        row_spacing=1.0,
        column_spacing=1.0,
    )


def test_masks_of_moved_stacks_survive_the_way_between_steps(
    reference: Registered, template: Template, tmp_path: Path
) -> None:
    one = plane(np.array([0, 1.0, 0]), np.array([0, 0, 1.0]))
    by = motion((0.0, 5.0, 3.0), 0.0)
    plan = carrier(reference, template).plan_for(reference.series)
    plan = replace(plan, stacks=(StackMotion(stack_key(one), by),))

    kept = keep_fields(plan, "001-MR", template.distance, tmp_path, 0.0)
    adapter = adapter_of(MaskFields)
    again = adapter.validate_json(adapter.dump_json(kept))
    mask = read_mask(again, tmp_path, template.distance)

    assert np.array_equal(mask.common.face.affine, plan.mask().face.affine)
    assert np.array_equal(mask.stacks[stack_key(one)].face.affine, compose(reference.affine, by))


def test_copies_of_the_face_survive_the_way_between_steps(
    reference: Registered, template: Template, tmp_path: Path
) -> None:
    alone = carrier(reference, template).plan_for(reference.series)
    back = np.array([[0.0, 60.0, 0.0]])
    head = Field(head_distance(template), reference.affine)
    plan = replace(alone, copies=Copies(back, head))
    image = reference.series.main

    kept = keep_fields(plan, "001-MR", template.distance, tmp_path, 0.0)
    mask = read_mask(kept, tmp_path, template.distance).common

    removed = mask.on(image)
    assert np.array_equal(removed, plan.mask().on(image))
    assert removed.sum() > alone.mask().on(image).sum()
    _, y, z = np.eye(3)
    sagittal = replace(
        plane(y, z),
        rows=128,
        columns=128,
        origin=np.array(image.GetOrigin()),
    )
    assert np.array_equal(mask.removed(sagittal), plan.mask().on(grid_of(sagittal))[0])
