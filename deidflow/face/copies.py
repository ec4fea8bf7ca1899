"""A face that MR shows a second time, where the mask of the face does not look for it.

What lies beyond the field of view is seen at its other side (aliasing), and what moves or is
sampled unevenly is seen once more, fainter, at some distance along a phase encoding axis (ghosts).
The air there is emptied. Nothing of the head goes for it: a copy on the head shows no surface.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from deidflow.face.affine import Array, apply, compose, index_to_world, inverse, linear_part
from deidflow.face.heads import head_threshold
from deidflow.face.intensities import window
from deidflow.face.mask import Field, WorldMask
from deidflow.face.template import Template
from deidflow.face.template_regions import distance_to
from deidflow.face.volume import Flags, Image, Values, mask_like, spacing_of, values_of, view_of

HEAD_MARGIN_MM = 6.0
"""What is this near to the template's head may be the subject's own."""
MOST_COPIES = 8
_FEWEST_FOLDED = 6
"""Points of the face beyond a side; it has 3,000 points, about a third of a millilitre each."""
_CUT_MM2, _NEAR_SKIN_MM = 40.0, 12.0
"""A cut nose shows tissue at the side, so near to the template's skin: no tip of it is missed."""
_PER_POINT, _AROUND_SKIN_MM = 4, 10.0
"""Ghosts are sought by points around the face's surface: so many each, within this distance."""
_NEAREST_MM, _APART_MM = 30.0, 24.0
"""From the face to its nearest ghost, and between two of them."""
_FEWEST_IN_AIR = 600
"""Of 6,000 points."""
_DETAIL_MM = 8.0
"""What is smoother than this (a coil's glow, shading) says nothing."""
_ALIKE = 0.2
"""Correlation of a face's surface with a ghost of it.

Heads without ghosts, with noise, coil or headphones: at most .12.
"""
_NECK_MM = 120.0
_NECK_SLICE = 2
"""The lowest slice of the template's head that shows the whole neck; it is repeated below."""
Step = tuple[int, Array]
"""An axis of a volume, and a vector in voxels along it."""


@dataclass(frozen=True)
class Copies:
    """Where a series shows the face once more."""

    moves: Array
    """From the face to each copy, mm in the world of the series, (n, 3)."""
    head: Field
    """What is spared there, from the world of the anchor."""


def head_distance(template: Template) -> Image:
    """Distances to the template's head, its neck going on below, in steps of 0.1 mm."""
    below = round(_NECK_MM / template.head.GetSpacing()[2])
    padded = sitk.ConstantPad(
        template.head,
        padLowerBound=[below, below, below],
        padUpperBound=[below, below, 0],
        constant=0,
    )
    flags = view_of(padded).copy()
    flags[:below] = flags[below + _NECK_SLICE]
    return distance_to(mask_like(flags > 0, padded))


def copies_of(
    volume: Image, head: Field, template: Template, mask: WorldMask, *, in_slices: bool = False
) -> Array:
    """From the face to each place where a volume may show it once more: vectors in mm, (n, 3).

    `volume` is about 2 mm; `head` is the template's, as it lies in the volume's world, `mask` that
    of the face. `in_slices`: single slices were excited, so that nothing is copied from one to
    another.
    """
    to_world = index_to_world(volume)
    axes = range(2 if in_slices else 3)
    folds = _folds(volume, head.affine, template, mask)
    ghosts = _Scene.of(volume, head, template, mask).ghosts()
    steps = [move for axis, move in (*folds, *ghosts) if axis in axes]
    vectors = np.array(steps, float).reshape(-1, 3) @ linear_part(to_world).T
    moves: Array = vectors
    return moves


def _folds(volume: Image, affine: Array, template: Template, mask: WorldMask) -> Iterator[Step]:
    """The steps by which a part of the face beyond a side is folded into view."""
    to_index = compose(inverse(index_to_world(volume)), inverse(affine))
    face = apply(to_index, template.points["face"])
    skin = apply(to_index, template.points["front"])
    windowed = window(volume)
    tissue = view_of(windowed) > head_threshold(windowed)
    tissue &= mask.on(volume)
    spacing = spacing_of(index_to_world(volume))
    for axis, size in enumerate(volume.GetSize()):
        positions = face[:, axis]
        for border, beyond, step in (
            (0, positions < -0.5, size),
            (size - 1, positions > size - 0.5, -size),
        ):
            is_cut = _cut_mm2(tissue, skin, axis, border, spacing) >= _CUT_MM2
            if is_cut or beyond.sum() >= _FEWEST_FOLDED:
                yield axis, _along(axis, step)


def _cut_mm2(tissue: Flags, skin: Array, axis: int, border: int, spacing: Array) -> float:
    """The area of tissue at a border plane of an axis, where the face's skin is expected near it.

    `skin` are indices x, y, z.
    """
    near = np.abs(skin[:, axis] - border) * spacing[axis] <= _NEAR_SKIN_MM
    places = np.rint(skin[near]).astype(int)
    places[:, axis] = border
    inside = (places >= 0) & (places < np.array(tissue.shape)[::-1])
    places = np.unique(places[inside.all(1)], axis=0)
    pixel_mm2 = np.prod(np.delete(spacing, axis))
    return float(_at(tissue, places).sum() * pixel_mm2)


def _along(axis: int, step: float) -> Array:
    steps = np.zeros(3)
    steps[axis] = step
    return steps


@dataclass(frozen=True)
class _Scene:
    """Details of a volume, which of its voxels are air that is kept, and points around the face."""

    details: Values
    free: Flags
    points: Values
    """Indices x, y, z, (n, 3)."""
    spacing: Array

    @classmethod
    def of(cls, volume: Image, head: Field, template: Template, mask: WorldMask) -> _Scene:
        """The scene of a registered volume."""
        spacing = spacing_of(index_to_world(volume))
        values = values_of(window(volume)).astype(np.float32)
        smooth = ndimage.gaussian_filter(values, _DETAIL_MM / spacing[::-1])
        is_head = head.within(volume, HEAD_MARGIN_MM)
        subject = apply(inverse(head.affine), _around_surface(template.points["surface"]))
        indices = np.rint(apply(inverse(index_to_world(volume)), subject)).astype(int)
        inside = (indices >= 0) & (indices < np.array(volume.GetSize()))
        return cls(
            details=values - smooth,
            free=~is_head & ~mask.on(volume),
            points=indices[inside.all(1)],
            spacing=spacing,
        )

    def ghosts(self) -> Iterator[Step]:
        """Steps to ghosts of the face, the most alike of each neighbourhood."""
        for axis, step in enumerate(self.spacing):
            size = self.free.shape[2 - axis]
            alike = np.array([self._likeness(axis, move) for move in range(-size, size + 1)])
            reach = max(1, round(_APART_MM / step))
            highest = ndimage.maximum_filter1d(alike, 2 * reach + 1)
            for place in np.flatnonzero((alike == highest) & (alike > _ALIKE)):
                yield axis, _along(axis, float(place - size))

    def _likeness(self, axis: int, step: int) -> float:
        """The correlation of the face's surface with the air at a distance; 0 where little is."""
        if abs(step) * self.spacing[axis] < _NEAREST_MM:
            return 0.0

        moved = self.points.copy()
        moved[:, axis] += step
        inside = (moved[:, axis] >= 0) & (moved[:, axis] < self.free.shape[2 - axis])
        moved, points = moved[inside], self.points[inside]
        in_air = _at(self.free, moved)
        if in_air.sum() < _FEWEST_IN_AIR:
            return 0.0
        return _correlation(
            _at(self.details, points[in_air]),
            _at(self.details, moved[in_air]),
        )


def _around_surface(surface: Array) -> Array:
    """Points within some mm of the surface's points, always the same ones, (n, 3)."""
    generator = np.random.default_rng(0)
    shape = (_PER_POINT, *surface.shape)
    offsets = generator.uniform(-_AROUND_SKIN_MM, _AROUND_SKIN_MM, shape)
    points: Array = (surface + offsets).reshape(-1, 3)
    return points


def _at(values: Values, indices: Values) -> Values:
    """Values (z, y, x) at indices x, y, z."""
    x, y, z = indices.T
    found: Values = values[z, y, x]
    return found


def _correlation(first: Values, second: Values) -> float:
    """Pearson's; 0 where one of them is even."""
    one, other = first - first.mean(), second - second.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size else 0.0
