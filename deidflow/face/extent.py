"""Whether a face that a registration puts outside the field of view is proven to be there.

A registration of wrong scale lays a whole small head into the template's cranium: nothing of the
head sticks out, and the face seems to lie below the volume. The image itself contradicts it in two
ways: the template's vault is not filled, and at the border where the face would leave the volume
the subject's head has no cut surface of the template's shape.
"""

from __future__ import annotations

from dataclasses import dataclass

from deidflow.face.affine import Array, apply, as_transform, index_to_world, inverse
from deidflow.face.grids import nearest
from deidflow.face.template import Template
from deidflow.face.volume import Image, dice, flags_of

_BORDER_MM, _FACE_BEYOND = 8.0, 0.05
"""Depth of the border that is compared, and the least share of the face beyond a side.

A cut nose has less than this share.
"""


@dataclass(frozen=True)
class _Side:
    """One of the six sides of a volume: at the first or at the last voxel of an axis (x, y, z)."""

    axis: int
    is_last: bool

    def slab(self, image: Image) -> tuple[slice, ...]:
        """The border of an image at this side, as slices of its array (z, y, x)."""
        spacing = image.GetSpacing()[self.axis]
        depth = max(1, round(_BORDER_MM / spacing))
        border = slice(depth)
        if self.is_last:
            border = slice(-depth, None)

        cut = [slice(None)] * 3
        cut[2 - self.axis] = border
        return tuple(cut)


def face_cut(mask: Image, affine: Array, template: Template) -> float:
    """The worst overlap (Dice) of head and template at the sides beyond which the face lies.

    1 where nearly all of the face is in view, 0 where the head does not reach a side through which
    the face would leave. `mask` is the head in its own field of view, without padding; `affine`
    maps subject world to template world.
    """
    sides = _sides_of_the_face(
        mask,
        affine,
        template,
    )
    if not sides:
        return 1.0

    head = flags_of(mask)
    expected = flags_of(
        nearest(
            template.head,
            mask,
            as_transform(affine),
        )
    )
    slabs = [side.slab(mask) for side in sides]
    return min(dice(head[slab], expected[slab]) for slab in slabs)


def _sides_of_the_face(mask: Image, affine: Array, template: Template) -> list[_Side]:
    """Each side of the volume beyond which face points lie."""
    face = apply(inverse(affine), template.points["face"])
    indices = apply(inverse(index_to_world(mask)), face)

    sides: list[_Side] = []
    for axis, size in enumerate(mask.GetSize()):
        positions = indices[:, axis]
        before = positions < -0.5
        after = positions > size - 0.5
        for is_last, beyond in ((False, before), (True, after)):
            if beyond.mean() >= _FACE_BEYOND:
                sides.append(_Side(axis, is_last))
    return sides
