"""The template's face at 2 mm: the zone in which skin is removed, and the surface that is left.

The surface is the template's own head without nose, lips, brow and ears, some millimetres deeper.
It is the same for everybody up to the affine: what is left of a head does not follow the face.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from deidflow.face.heads import head_mask
from deidflow.face.morphology import opened, outward
from deidflow.face.template_regions import MIDDLE_X
from deidflow.face.volume import Image, Values, float_like, grid_indices, mask_like, view_of

_PAD_LOW, _PAD_HIGH = (20, 40, 60), (20, 0, 0)
"""Voxels of 2 mm added in x, y, z: right and left 40 mm, in front 80, below 120."""
_FROM, _TO = (12, 0, 50), (116, 128, 160)
"""The part of the padded grid around the face, in voxels x, y, z."""
_WHOLE_NECK = 2
"""The lowest slice that shows the whole neck; it is repeated below."""
COIL_VOXELS = 3
"""What is thinner than a ball of this radius is the coil's frame."""
_BLUNT_MM = 20.0
"""What a ball of this radius does not reach into stands out of the face."""
_BELOW_SKIN_MM = 1.2
_SMOOTH_MM = 2.0


@dataclass(frozen=True)
class _Box:
    """A box in voxels (mm) of the template, from its middle, front and bottom."""

    aside: float = -math.inf
    """Only what lies farther than this to the right or left."""
    behind: float = -math.inf
    front_of: float = math.inf
    above: float = -math.inf
    up_to: float = math.inf

    def outward(self, z: Values, y: Values, x: Values) -> Values:
        """How far in mm positions lie outside; negative inside."""
        sides = [
            self.aside - abs(x - MIDDLE_X),
            self.behind - y,
            y - self.front_of,
            self.above - z,
            z - self.up_to,
        ]
        farthest = sides[0]
        for side in sides[1:]:
            farthest = np.maximum(farthest, side)
        return farthest


_FACE = (
    _Box(front_of=84, above=4, up_to=70),
    _Box(front_of=58, above=-3, up_to=20),
    _Box(front_of=72, above=60, up_to=123),
)
"""Cheeks and mouth; the chin; eyes, brow and temples."""
_EARS = _Box(aside=66, behind=112, front_of=152, above=46, up_to=108)
_COVER = (
    _Box(front_of=98, above=60),
    _Box(front_of=104, above=-60, up_to=70),
)
"""Forehead and temples to the vertex; jaw and neck: outline by which a person is told."""


@dataclass(frozen=True)
class FaceZone:
    """Distances in mm on one grid around the template's face."""

    zone: Image
    """To what may be removed, negative inside."""
    target: Image
    """To the surface that is left, positive in front of it."""
    cover: Image
    """To where air in front of the skin may be filled, negative inside."""


def face_zone(two: Image, *, ears: bool) -> FaceZone:
    """The zone and the surface, made of the windowed template of 2 mm."""
    head = _with_neck(opened(head_mask(two), COIL_VOXELS))
    boxes = [*_FACE, _EARS] if ears else [*_FACE]
    zone = float_like(_outward(two, head, boxes), head)
    cover = float_like(_outward(two, head, _COVER), head)
    return FaceZone(
        zone=_around_face(zone),
        target=_around_face(_target(head)),
        cover=_around_face(cover),
    )


def _with_neck(head: Image) -> Image:
    """A head mask on a larger grid, its neck going on below."""
    padded = sitk.ConstantPad(
        head,
        padLowerBound=_PAD_LOW,
        padUpperBound=_PAD_HIGH,
        constant=0,
    )
    flags = view_of(padded).copy()
    _, _, below = _PAD_LOW
    flags[:below] = flags[below + _WHOLE_NECK]
    return mask_like(flags, padded)


def _target(head: Image) -> Image:
    """Distances to the surface that is left: a blunt head below the skin."""
    core = outward(head) <= -_BLUNT_MM
    blunt = outward(core) - _BLUNT_MM
    smooth = sitk.SmoothingRecursiveGaussian(
        blunt,
        sigma=_SMOOTH_MM,
    )
    return smooth + _BELOW_SKIN_MM


def _outward(two: Image, padded: Image, boxes: Sequence[_Box]) -> Values:
    """Distances to boxes on the padded grid."""
    z, y, x = (
        step * (index - pad)
        for index, pad, step in zip(
            grid_indices(view_of(padded).shape),
            _PAD_LOW[::-1],
            two.GetSpacing()[::-1],
            strict=True,
        )
    )
    nearest = boxes[0].outward(z, y, x)
    for box in boxes[1:]:
        nearest = np.minimum(nearest, box.outward(z, y, x))
    return nearest


def _around_face(image: Image) -> Image:
    """The part of a padded image that holds the face."""
    part = tuple(slice(low, high) for low, high in zip(_FROM, _TO, strict=True))
    return image[part]
