"""A head seen from the front before and after masking: what moved at face and forehead."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deidflow.face.affine import (
    Array,
    affine_of,
    affine_through,
    apply,
    as_transform,
    compose,
    index_to_world,
    inverse,
    linear_part,
    nearest_rotation,
)
from deidflow.face.grids import nearest
from deidflow.face.heads import vertex_height
from deidflow.face.template import Template
from deidflow.face.volume import (
    Flags,
    Image,
    flags_of,
    image_of,
    mask_points,
    spacing_of,
    values_of,
)

UPPER_HEAD_MM = 165
"""What lies lower belongs to the neck."""
_SIZE, _SPACING = (60, 75, 75), (4.0, 4.0, 3.0)
"""Voxels and mm of the grid, in x, y, z."""
_CORNER_MM = 120, 150, 220
"""Where the grid starts: right of the centre, in front of it, below the top."""
_CHIN_MM, _BROW_MM, _FOREHEAD_MM = 185, 105, 70
"""Below the top."""
_HALF_WIDTH_MM = 40
_MOVED_VOXELS = 2
_CUT_MM2 = 3_000.0
"""A head whose top is cut over such an area does not show where its vertex is."""
_FEWEST_PIXELS = 30
_ALL_REMOVED = 99


@dataclass(frozen=True)
class FrontView:
    """How many pixels show the face, and the shares of face and forehead that masking moves."""

    pixels: float
    face_changed: float
    forehead_changed: float


def front_view(
    mask: Image, affine: Array, template: Template, size: float = 1.0, *, may_be_cut: bool = True
) -> FrontView:
    """What masking moves of a head mask (`affine` maps subject world to template world).

    The face by the extended region, the forehead by pydeface's own, which never reaches it. `size`
    is the head's against an adult's: face and forehead are sought at its own heights, whatever the
    registration says, unless the field of view cuts its top. With `may_be_cut` false a head that
    is cut there is measured from the cut.
    """
    head, to_template = _upright(mask, affine, template)
    points = mask_points(head)
    if not len(points):
        return FrontView(
            pixels=0.0,
            face_changed=math.nan,
            forehead_changed=math.nan,
        )

    top = vertex_height(points)
    if may_be_cut and _is_cut_above(head):
        whole = apply(inverse(to_template), template.points["head"])
        top = max(top, vertex_height(whole))
    upper = points[points[:, 2] > top - size * UPPER_HEAD_MM]
    scene = _Scene.of(
        mask=head,
        to_template=to_template,
        centre=upper.mean(0),
        top=top,
        size=size,
    )
    face = scene.face()
    forehead = scene.forehead()
    return FrontView(
        pixels=float(face.sum()),
        face_changed=_face_changed(scene, face, template),
        forehead_changed=_forehead_changed(
            scene,
            forehead,
            template,
        ),
    )


def _is_cut_above(head: Image) -> bool:
    """Whether the upper side of the volume cuts an upright head."""
    to_world = index_to_world(head)
    upwards = linear_part(to_world)[2]
    axis = int(np.abs(upwards).argmax())
    planes = np.moveaxis(flags_of(head), 2 - axis, 0)
    uppermost = planes[-1 if upwards[axis] > 0 else 0]
    pixel_mm2 = np.prod(np.delete(spacing_of(to_world), axis))
    return bool(uppermost.sum() * pixel_mm2 > _CUT_MM2)


def _face_changed(scene: _Scene, face: Flags, template: Template) -> float:
    """The share of the face's pixels that masking moves; not a number where too few show it."""
    if face.sum() <= _FEWEST_PIXELS:
        return math.nan
    moved = scene.moved(template.distance)
    return float(moved[face].mean())


def _forehead_changed(scene: _Scene, forehead: Flags, template: Template) -> float:
    """The share of the forehead's pixels that masking moves; 0 where it is not in view."""
    if not forehead.any():
        return 0.0
    moved = scene.moved(template.original)
    return float(moved[forehead].mean())


def _upright(mask: Image, affine: Array, template: Template) -> tuple[Image, Array]:
    """A head mask turned back by the registration's rotation, and the affine that fits it then."""
    brain = apply(inverse(affine), template.points["brain"])
    centre = brain.mean(0)
    rotation = nearest_rotation(linear_part(affine))
    motion = affine_through(
        rotation,
        point=centre,
        target=centre,
    )

    to_world = compose(motion, index_to_world(mask))
    turned = image_of(
        values_of(mask),
        affine=to_world,
    )
    return turned, compose(affine, inverse(motion))


@dataclass(frozen=True)
class _Scene:
    """An upright head on a grid around its face; rays come along y, from the front."""

    head: Flags
    grid: Image
    to_template: Array
    centre: Array
    top: float
    size: float

    @classmethod
    def of(cls, mask: Image, to_template: Array, centre: Array, top: float, size: float) -> _Scene:
        """The scene of a head mask with the centre of its upper part and the height of its top."""
        right, front, below = _CORNER_MM
        middle_x, middle_y, _ = centre
        corner = np.array(
            [
                middle_x - size * right,
                middle_y - size * front,
                top - size * below,
            ]
        )
        empty = np.zeros(_SIZE[::-1], np.uint8)
        grid = image_of(
            empty,
            affine_of(size * np.diag(_SPACING), corner),
        )
        head = nearest(mask, grid)
        return cls(
            head=flags_of(head),
            grid=grid,
            to_template=to_template,
            centre=centre,
            top=top,
            size=size,
        )

    def face(self) -> Flags:
        """The pixels that show the face, (z, x)."""
        middle, _, _ = self.centre
        aside = np.abs(self._positions(0) - middle)
        columns = aside < self.size * _HALF_WIDTH_MM
        heights = self._positions(2)
        rows = heights > self.top - self.size * _CHIN_MM
        rows &= heights < self.top - self.size * _BROW_MM

        hit = self.head.any(1)
        face: Flags = hit & np.outer(rows, columns)
        return face

    def forehead(self) -> Flags:
        """The pixels that show the forehead, (z, x)."""
        hit = self.head.any(1)
        rows = self._positions(2) > self.top - self.size * _FOREHEAD_MM
        forehead: Flags = hit & rows[:, None]
        return forehead

    def _positions(self, axis: int) -> Array:
        """World coordinates in mm along an axis of the grid."""
        origin = self.grid.GetOrigin()
        steps = np.arange(_SIZE[axis])
        positions: Array = origin[axis] + self.size * _SPACING[axis] * steps
        return positions

    def moved(self, kept: Image) -> Flags:
        """The pixels whose first hit lies at least 8 mm deeper after masking, (z, x).

        Of a small head as much less as it is smaller.

        `kept` is an image of the template, not 0 where a mask leaves the head.
        """
        stays = nearest(
            kept,
            self.grid,
            as_transform(self.to_template),
            outside=1,
        )
        left = self.head & flags_of(stays)
        before = self.head.argmax(1)
        after = np.where(
            left.any(1),
            left.argmax(1),
            _ALL_REMOVED,
        )
        deeper = after - before
        moved: Flags = deeper >= _MOVED_VOXELS
        return moved
