"""Whether a face that a registration puts outside the field of view is proven to be there.

A registration of wrong scale lays a whole small head into the template's cranium: nothing of the head sticks
out, and the face seems to lie below the volume. The image itself contradicts it in two ways: the
template's vault is not filled, and at the border where the face would leave the volume the
subject's head has no cut surface of the template's shape.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from deidflow.face.affine import Array, apply, as_transform, index_to_world, inverse
from deidflow.face.template import Template
from deidflow.face.volume import Image, nearest

_BORDER_MM, _FACE_BEYOND = 8.0, 0.05
"""How deep the border is looked at; the share of the face that must lie beyond a side to count: a cut nose has less."""


def face_cut(mask: Image, affine: Array, template: Template) -> float:
    """The worst overlap (Dice) of head and template in the slabs at the sides beyond which the face lies.

    1 where nearly all of the face is in view, 0 where the head does not reach a side through which the face would
    leave. `mask` is the head in its own field of view, without padding; `affine` maps subject world to
    template world.
    """
    sides = _sides_of_the_face(mask, affine, template)
    if not sides:
        return 1.0
    head = sitk.GetArrayViewFromImage(mask) > 0
    expected = sitk.GetArrayViewFromImage(nearest(template.head, mask, as_transform(affine))) > 0
    return min(_dice(head[slab], expected[slab]) for slab in (_slab(mask, *side) for side in sides))


def _sides_of_the_face(mask: Image, affine: Array, template: Template) -> list[tuple[int, bool]]:
    """Each side of the volume (axis, whether its far end) beyond which face points lie."""
    to_index = inverse(index_to_world(mask))
    face = apply(to_index, apply(inverse(affine), template.points["face"]))
    found = []
    for axis, size in enumerate(mask.GetSize()):
        beyond = {False: face[:, axis] < -0.5, True: face[:, axis] > size - 0.5}
        found += [(axis, far) for far, outside in beyond.items() if outside.mean() >= _FACE_BEYOND]
    return found


def _slab(mask: Image, axis: int, far: bool) -> tuple[slice, ...]:
    """The border of a mask at one side, as slices of its array (z, y, x)."""
    depth = max(1, round(_BORDER_MM / mask.GetSpacing()[axis]))
    cut = [slice(None)] * 3
    cut[2 - axis] = slice(-depth, None) if far else slice(depth)
    return tuple(cut)


def _dice(head: NDArray[np.bool_], expected: NDArray[np.bool_]) -> float:
    return float(2 * (head & expected).sum() / max(1, head.sum() + expected.sum()))
