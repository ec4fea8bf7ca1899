"""Masks between the steps: `deface` keeps their fields as files, `reconstruct` makes them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deidflow.face.copies import HEAD_MARGIN_MM
from deidflow.face.mask import Field, WorldMask, load_field, save_field
from deidflow.face.mask_plan import MaskPlan
from deidflow.face.parts import StackMotion
from deidflow.face.series_mask import SeriesMask
from deidflow.face.volume import Image
from deidflow.steps.results import MaskFields, MovedStack
from deidflow.store.files import digest_of, sha256_of


def keep_fields(
    plan: MaskPlan, name: str, template: Image, folder: Path, more_margin_mm: float
) -> MaskFields:
    """Write the fields of a plan's anchor `name` once, for all series that share them.

    `template` is the template's own field, which is not written.
    """
    anchor = plan.anchor
    brain = f"brain-{name}.npz"
    face = ""
    head = ""
    fields = {brain: anchor.brain}
    if plan.copies is not None:
        head = f"head-{name}.npz"
        fields[head] = plan.copies.head
    if anchor.face.distance is not template:
        face = f"face-{name}.npz"
        fields[face] = anchor.face

    hashes: list[str] = []
    for file, field in fields.items():
        path = folder / file
        if not path.exists():
            save_field(field, path)
        hashes.append(sha256_of(path))
    return MaskFields(
        brain=brain,
        face=face,
        digest=digest_of(hashes),
        face_affine=anchor.face.affine.tolist(),
        motion=plan.motion.tolist(),
        margin_mm=plan.margin_mm + more_margin_mm,
        brain_margin_mm=plan.brain_margin_mm,
        stacks=tuple(_kept(stack) for stack in plan.stacks),
        head=head,
        copies=plan.copies.moves.tolist() if plan.copies else [],
    )


def _kept(stack: StackMotion) -> MovedStack:
    """The motion of a stack as the step's result holds it."""
    return MovedStack(
        key=list(stack.key),
        motion=stack.motion.tolist(),
    )


def read_mask(fields: MaskFields, folder: Path, template: Image) -> SeriesMask:
    """The mask whose fields are in a folder; `template` is the template's own field."""
    distance = template
    if fields.face:
        distance = load_field(folder / fields.face).distance

    here = WorldMask(
        Field(distance, np.array(fields.face_affine)),
        fields.margin_mm,
        load_field(folder / fields.brain),
        fields.brain_margin_mm,
    )
    head = load_field(folder / fields.head) if fields.head else None

    def seen_from(motion: list[list[float]]) -> WorldMask:
        affine = np.array(motion)
        mask = here.seen_from(affine)
        if head is None:
            return mask
        return mask.with_copies(np.array(fields.copies), head.seen_from(affine), HEAD_MARGIN_MM)

    stacks = {tuple(stack.key): seen_from(stack.motion) for stack in fields.stacks}
    return SeriesMask(seen_from(fields.motion), stacks)
