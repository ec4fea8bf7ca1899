"""Points of the template that the gate looks at on a subject."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from deidflow.face.affine import Array, apply, index_to_world, inverse
from deidflow.face.grids import nearest
from deidflow.face.heads import head_mask
from deidflow.face.morphology import grown
from deidflow.face.template_regions import MIDDLE_X
from deidflow.face.volume import (
    Flags,
    Image,
    flags_of,
    index_points,
    mask_like,
    mask_points,
    view_of,
)

_CHIN_Z, _BROW_Z, _HALF_WIDTH, _FRONT_Y = 5, 122, 60, 110
"""The window in which the face is seen from the front, in template voxels (mm)."""
_VAULT_MM = 15.0
_SHELL = 3, 6
"""Where the shell around the head begins and ends, in voxels of 2 mm outside it."""
_DEEP_MM = 6
"""The face's surface lies deeper than this inside pydeface's region."""


@dataclass(frozen=True)
class _Picker:
    """Takes points at random from masks on one grid, always the same ones."""

    grid: Image
    generator: np.random.Generator

    def points(self, flags: Flags, most: int) -> Array:
        """At most `most` world points of a mask, shape (n, 3)."""
        points = mask_points(mask_like(flags, self.grid))
        count = min(most, len(points))
        picked = self.generator.choice(
            len(points),
            count,
            replace=False,
        )
        chosen: Array = points[picked]
        return chosen


def points_of(two: Image, region: Image, brain: Image) -> dict[str, Array]:
    """World points (n, 3) of the template's parts, by their names.

    `brain`, `face`, its `surface`, `head`, and `outer`, a shell around the head. `front` is the
    skin that is seen from the front between brow and chin; `vault` is what of the head lies in the
    brain or within 15 mm of it, `scalp` its skin.

    `two` is the windowed template of 2 mm, `region` pydeface's, 0 where it removes.
    """
    grid = head_mask(two)
    head = flags_of(grid)
    kept = nearest(
        region,
        grid=grid,
        outside=1,
    )
    face = view_of(kept) == 0
    inside_brain = flags_of(nearest(brain, grid))
    near_brain = flags_of(nearest(grown(brain, _VAULT_MM), grid))
    surface = _surface(head, face, grid)

    # The order decides which points are taken: one generator serves all.
    picker = _Picker(grid, np.random.default_rng(0))
    return {
        "front": _front(grid, region),
        "brain": picker.points(inside_brain, most=4000),
        "face": picker.points(face & head, most=3000),
        "surface": picker.points(surface, most=1500),
        "head": picker.points(head, most=6000),
        "outer": picker.points(_shell(head), most=5000),
        "vault": picker.points(head & near_brain, most=4000),
        "scalp": picker.points(_skin(head) & near_brain, most=3000),
    }


def _surface(head: Flags, face: Flags, grid: Image) -> Flags:
    """The skin of the face, without the border of pydeface's region."""
    spacing = grid.GetSpacing()
    depth = ndimage.distance_transform_edt(
        face,
        sampling=spacing[::-1],
    )
    surface: Flags = face & _skin(head) & (depth > _DEEP_MM)
    return surface


def _skin(head: Flags) -> Flags:
    """The outermost voxels of the head."""
    inner = ndimage.binary_erosion(head, border_value=1)
    skin: Flags = head & ~inner
    return skin


def _shell(head: Flags) -> Flags:
    """A shell around the head, with a gap between."""
    near, far = _SHELL
    outer = ndimage.binary_dilation(
        head,
        iterations=far,
    )
    gap = ndimage.binary_dilation(
        head,
        iterations=near,
    )
    shell: Flags = outer & ~gap
    return shell


def _front(head: Image, template: Image) -> Array:
    """The first voxel of the head on each ray from the front, in the window of the face."""
    flags = flags_of(head)
    z, x = np.nonzero(flags.any(1))
    y = flags.argmax(1)[z, x]
    skin = index_points(head, x, y, z)

    to_index = inverse(index_to_world(template))
    right, back, up = apply(to_index, skin).T
    seen = abs(right - MIDDLE_X) < _HALF_WIDTH
    seen &= back < _FRONT_Y
    seen &= up > _CHIN_Z
    seen &= up < _BROW_Z
    front: Array = skin[seen]
    return front
