"""The template's own anatomy: its brain, what of it is removed, and distances to these."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deidflow.face.morphology import all_of, grown, largest, opened, outward, solid
from deidflow.face.volume import Flags, Image, Values, grid_indices, like, view_of

PAD_LOW, PAD_HIGH = [40, 80, 120], [40, 0, 0]
"""Voxels added to the template in x, y, z: right and left 40, in front 80, below 120."""
MIDDLE_X = 88
"""The plane between left and right, in template voxels (mm)."""
FARTHEST_MM, UNIT_MM = 25.0, 0.1
"""Distances are kept in steps of 0.1 mm as far as 25 mm."""
NEAREST_MM = 8.0
"""What lies this near to the template's brain stays where the subject's own cannot be found."""
_DARKEST, _BRIGHTEST = 195, 520
_CORE_MM, _REGROW_MM = 7, 8


@dataclass(frozen=True)
class _Part:
    """A box of the template that is removed, in voxels (mm) from its middle, front and bottom."""

    aside: float = -1
    """Only what lies farther than this to the right or left."""
    behind: float = -math.inf
    front_of: float = math.inf
    above: float = -math.inf
    up_to: float = math.inf
    from_brain_mm: float = 12
    """Only what lies farther than this from the brain."""

    def voxels(self, away: Values) -> Flags:
        """Its voxels on the padded grid (z, y, x), by the distance to the brain in mm."""
        z, y, x = grid_indices(away.shape)
        pad_x, pad_y, pad_z = PAD_LOW
        from_middle = abs(x - pad_x - MIDDLE_X)
        across = from_middle > self.aside
        depth = _between(
            y - pad_y,
            low=self.behind,
            high=self.front_of,
        )
        height = _between(
            z - pad_z,
            low=self.above,
            high=self.up_to,
        )

        box = across & depth & height
        voxels: Flags = box & (away > self.from_brain_mm)
        return voxels


def _between(positions: Values, low: float, high: float) -> Flags:
    """Which positions are above `low`, up to `high`."""
    between: Flags = (positions > low) & (positions <= high)
    return between


_EYES_AND_BROW = _Part(front_of=66, up_to=130, from_brain_mm=14)
_TEMPLES = _Part(aside=40, front_of=80, above=70, up_to=130)
_CHEEKS_AND_CHIN = _Part(front_of=98, up_to=70)
_THROAT = _Part(aside=30, front_of=118, up_to=25)
_EARS = _Part(aside=60, behind=80, front_of=164, up_to=119)


def brain_mask(image: Image) -> Image:
    """The template's brain: 195 < I < 520, opened, cored, regrown, closed, filled (about 1.2 l)."""
    is_bright = image > _DARKEST
    is_dark = image < _BRIGHTEST
    tissue = opened(all_of(is_bright, is_dark), 1)
    core = largest(grown(tissue, -_CORE_MM))
    near = grown(core, _REGROW_MM)
    return solid(all_of(tissue, near), 5)


def extended_region(original: Flags, brain: Image, ears: bool) -> Flags:
    """What is removed, as an array (z, y, x) on the padded template grid.

    pydeface's region, and eyes with brow, temples, cheeks with chin, and the sides of the throat.
    Above the orbits it keeps 14 mm from the template's brain: frontal poles lie up to 10 mm in
    front of it.
    """
    away = view_of(outward(brain))
    parts = [_EYES_AND_BROW, _TEMPLES, _CHEEKS_AND_CHIN, _THROAT]
    if ears:
        parts.append(_EARS)

    removed = original.copy()
    for part in parts:
        removed |= part.voxels(away)
    return removed


def distance_to(mask: Image) -> Image:
    """Distance to a mask in steps of 0.1 mm: 0 inside it, 250 and more than 25 mm away."""
    return steps_of(view_of(outward(mask)), mask)


def steps_of(distances: Values, grid: Image) -> Image:
    """Distances in mm on a grid as steps of 0.1 mm, from 0 to 250."""
    farthest = FARTHEST_MM / UNIT_MM
    steps = np.clip(
        np.ceil(distances / UNIT_MM),
        min=0,
        max=farthest,
    )
    return like(steps.astype(np.uint8), grid)
