"""A mask that follows the subject's own skin, and whether the skin can be trusted.

In the zone that the template calls face, everything before the template's surface is removed, air
too, and of the subject's skin at least some millimetres: where a face lies deeper than the
template's, its surface would else stay. Where a made-up face is laid into the mask, the air before
forehead, jaw and neck belongs to it: the outline of a head tells whose it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from deidflow.face.affine import Array, apply, as_transform, index_to_world, inverse
from deidflow.face.features import Features
from deidflow.face.grids import nearest
from deidflow.face.heads import head_threshold
from deidflow.face.lookup import Lookup
from deidflow.face.mask import Field
from deidflow.face.morphology import all_of, outward
from deidflow.face.prepare import Head, Tomography
from deidflow.face.template import Template
from deidflow.face.template_regions import FARTHEST_MM, UNIT_MM
from deidflow.face.tomography import HEAD_HU
from deidflow.face.volume import Flags, Image, Values, flags_of, float_like, like, view_of
from deidflow.settings.face import SkinSettings

_FIRM = 1.5
"""Noise and ghosts are darker than the head's threshold times this."""
_UNSEEN = -1000.0
"""Depth outside the field of view."""
_HOLLOW_MM = 9.0
"""Air this far below the surface that is left is a hollow of the head: nothing around it goes."""
_CLEAR_MM = 1.0
"""A made-up face begins this far before skin that stays: the grid is coarse."""
_COVERED_MM = 20.0
"""A made-up face is no thicker than this over skin that stays."""
_FAR_MM = 20.0
"""A ray from the front that ends this far below that surface has found no skin."""
_MOVED_MM = 3.0
"""Skin is gone where the first tissue on a ray lies this much deeper."""
_DOUBTFUL_MM = 6.0
"""Skin is doubtful where firm tissue lies this much deeper."""
_FEWEST_RAYS = 100


@dataclass(frozen=True)
class SkinRegion:
    """What is removed, in the world of the registered series, and how well the skin was found."""

    field: Field
    figures: Features

    def is_trusted(self, settings: SkinSettings) -> bool:
        """Whether the skin lies where a head's does, and whether the region takes it away."""
        limits = (
            ("skin_off_mm", settings.off_max_mm),
            ("skin_doubtful", settings.doubtful_max),
            ("skin_left", settings.left_max),
        )
        return all(self.figures[name] <= most for name, most in limits)


def skin_region(
    head: Head,
    affine: Array,
    template: Template,
    settings: SkinSettings,
    *,
    covers: bool = False,
) -> SkinRegion:
    """The region of a registered head (`affine` maps subject world to template world).

    `covers`: with the air before forehead, jaw and neck, for a made-up face.
    """
    surface = _Surface.of(head, affine, template)
    removed = surface.removed(settings.least_mm)
    if covers:
        removed = np.minimum(removed, surface.covered())
    field = Field(_steps(removed, template.zone), affine)
    return SkinRegion(field, surface.figures(removed <= 0, template))


@dataclass(frozen=True)
class _Surface:
    """A subject's head on the grid of the template's zone, arrays of shape (z, y, x)."""

    depth: Values
    """Below the skin in mm, negative in air."""
    tissue: Flags
    firm: Flags
    """Tissue by a threshold that noise does not reach."""
    seen: Flags
    """What lies in the field of view."""
    zone: Values
    target: Values
    cover: Values
    block: Values
    """Distance in mm to the region that is removed where nothing is seen."""
    grid: Image

    @classmethod
    def of(cls, head: Head, affine: Array, template: Template) -> _Surface:
        """The skin of a head."""
        grid = template.zone
        to_head = as_transform(inverse(affine))
        depth = _depth(head.mask, to_head, grid)
        tissue = nearest(_tissue(head), grid, to_head)
        firm = nearest(_tissue(head, _FIRM), grid, to_head)
        block = nearest(
            template.distance,
            grid,
            outside=round(FARTHEST_MM / UNIT_MM),
        )
        return cls(
            depth=depth,
            tissue=flags_of(tissue),
            firm=flags_of(firm),
            seen=depth > _UNSEEN / 2,
            zone=view_of(grid),
            target=view_of(template.target),
            cover=view_of(template.cover),
            block=view_of(block) * np.float32(UNIT_MM),
            grid=grid,
        )

    def removed(self, least_mm: float) -> Values:
        """Distance in mm to what is removed, 0 and less inside it, (z, y, x)."""
        shallow = np.maximum(
            self.depth - least_mm,
            -self.target - _HOLLOW_MM,
        )
        before = np.minimum(shallow, -self.target)
        region = np.maximum(self.zone, before)
        distance: Values = np.where(self.seen, region, self.block)
        return distance

    def covered(self) -> Values:
        """Distance in mm to the air in view that lies on forehead, jaw and neck, (z, y, x)."""
        beyond = np.maximum(
            self.depth + _CLEAR_MM,
            -self.depth - _COVERED_MM,
        )
        distance: Values = np.maximum(self.cover, beyond)
        return distance

    def figures(self, removed: Flags, template: Template) -> Features:
        """How far the skin lies from the template's, and what of it the region leaves."""
        front = template.points["front"]
        depths = Lookup.of(like(self.depth, self.grid)).at(front).visible
        in_view = depths > _UNSEEN / 2
        off = np.nan
        if in_view.sum() > _FEWEST_RAYS:
            off = float(np.percentile(np.abs(depths[in_view]), 90))

        rays = self._rays(front)
        first = self._first(self.tissue)
        doubtful = self._first(self.firm) - first > _DOUBTFUL_MM
        left = self._first(self.tissue & ~removed) - first < _MOVED_MM
        return {
            "skin_off_mm": off,
            "skin_doubtful": _share(doubtful, rays),
            "skin_left": _share(left, rays),
        }

    def _first(self, tissue: Flags) -> Values:
        """How far back in mm the first tissue lies on rays from the front, (z, x)."""
        first = np.where(
            tissue.any(1),
            tissue.argmax(1),
            tissue.shape[1],
        )
        _, step, _ = self.grid.GetSpacing()
        distances: Values = first * step
        return distances

    def _rays(self, front: Array) -> Flags:
        """The rays between brow and chin that find skin in view near the template's, (z, x)."""
        indices = apply(inverse(index_to_world(self.grid)), front)
        x, _, z = np.rint(indices).astype(int).T
        hit = self.tissue.any(1)
        window = np.zeros(hit.shape, bool)
        window[z, x] = True

        row, column = np.indices(hit.shape)
        first = self.tissue.argmax(1)
        is_skin = self.target[row, first, column] > -_FAR_MM
        is_seen = self.seen[row, first, column]
        rays: Flags = window & hit & is_skin & is_seen
        return rays


def _share(flags: Flags, rays: Flags) -> float:
    """The share of rays that are flagged; not a number where there are too few."""
    if rays.sum() < _FEWEST_RAYS:
        return np.nan
    return float(flags[rays].mean())


def _tissue(head: Head, strictness: float = 1.0) -> Image:
    """What of a head is brighter than air, its hollows left out."""
    if isinstance(head, Tomography):
        return all_of(head.mask, head.small > HEAD_HU)
    threshold = strictness * head_threshold(head.windowed)
    return all_of(head.mask, head.windowed > threshold)


def _depth(mask: Image, to_head: Any, grid: Image) -> Values:
    """How deep in mm the voxels of a grid lie below the surface of a mask."""
    depth = sitk.Resample(
        outward(mask) * -1.0,
        referenceImage=grid,
        transform=to_head,
        interpolator=sitk.sitkLinear,
        defaultPixelValue=_UNSEEN,
        outputPixelType=sitk.sitkFloat32,
    )
    return view_of(depth)


def _steps(distance: Values, grid: Image) -> Image:
    """Distances on a grid as steps of 0.1 mm on one twice as fine."""
    fine = sitk.Expand(
        float_like(distance, grid),
        [2, 2, 2],
        sitk.sitkLinear,
    )
    steps = np.ceil(view_of(fine) / UNIT_MM)
    far = round(FARTHEST_MM / UNIT_MM)
    return like(np.clip(steps, 0, far).astype(np.uint8), fine)
