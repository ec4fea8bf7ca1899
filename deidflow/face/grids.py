"""Volumes on other grids: averaged, resampled, cropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from deidflow.face.affine import Array, affine_of, apply, index_to_world
from deidflow.face.volume import Flags, Image, Values, image_of, view_of

_EVEN_TOLERANCE = 0.15
"""Data whose spacing differs less than this share stay on their own grid."""
_FINE_SHARE = 0.85
"""Data whose spacing is below this share of the new one are smoothed first."""
_BLUR = 0.35
"""Standard deviation of the smoothing before voxels are left out, in units of the new spacing."""
_PADDING_STEP = 2
"""The border of constant voxels is looked for on every second voxel."""
_TISSUE_SHARE, _TISSUE_PERCENTILE, _LEAST_TISSUE_MM2 = 0.1, 95, 2000


def shrink(image: Image, target: float) -> Image:
    """Average whole voxels until the spacing is at most about `target` mm."""
    spacing = image.GetSpacing()
    factors: list[int] = []
    for axis, size in enumerate(image.GetSize()):
        factor = int(target / spacing[axis] + 1e-3)
        factor = max(1, factor)
        factors.append(min(factor, size))

    if max(factors) == 1:
        return image
    return sitk.BinShrink(image, factors)


def on_even_grid(image: Image, spacing: float) -> Image:
    """The image on a grid of `spacing` mm in all directions: averaged, then linear in between.

    Data within 15 % of the spacing stay on their own grid.
    """
    small = shrink(image, spacing)
    steps = small.GetSpacing()
    off = max(abs(step - spacing) for step in steps)
    tolerance = _EVEN_TOLERANCE * spacing
    if off < tolerance:
        return small

    if max(steps) < _FINE_SHARE * spacing:
        small = sitk.SmoothingRecursiveGaussian(
            small,
            spacing * _BLUR,
        )
    return _resampled(small, spacing)


def _resampled(image: Image, spacing: float) -> Image:
    """An image on cubes of `spacing` mm over its field of view; outside lies its least value."""
    size: list[int] = []
    first: list[float] = []
    for axis, step in enumerate(image.GetSpacing()):
        extent = image.GetSize()[axis] * step
        cubes = int(extent / spacing)
        size.append(max(1, cubes))

        steps = spacing / step
        first.append((steps - 1) / 2)

    origin = image.TransformContinuousIndexToPhysicalPoint(first)
    least = view_of(image).min()
    return sitk.Resample(
        image,
        size=size,
        transform=sitk.Transform(),
        interpolator=sitk.sitkLinear,
        outputOrigin=origin,
        outputSpacing=[spacing] * 3,
        outputDirection=image.GetDirection(),
        defaultPixelValue=float(least),
        outputPixelType=sitk.sitkFloat32,
    )


def nearest(mask: Image, grid: Image, transform: Any = None, outside: int = 0) -> Image:
    """A mask on another grid; `transform` maps points of the grid to the mask's world."""
    if transform is None:
        transform = sitk.Transform()
    return sitk.Resample(
        mask,
        referenceImage=grid,
        transform=transform,
        interpolator=sitk.sitkNearestNeighbor,
        defaultPixelValue=float(outside),
        outputPixelType=sitk.sitkUInt8,
    )


def upright_grid(image: Image, spacing: float, least: int = 1) -> Image:
    """An empty grid along the axes of LPS over a field of view, `least` voxels or more each way."""
    corners = _corners(image)
    low = corners.min(0)
    high = corners.max(0)
    steps = (high - low) / spacing
    counts = np.floor(steps + 1e-6).astype(int)

    size = np.maximum(least, counts + 1)
    empty = np.zeros(size[::-1], np.uint8)
    axes = np.eye(3) * spacing
    return image_of(empty, affine_of(axes, low))


def _corners(image: Image) -> Array:
    """The centres of the eight voxels at the corners of an image, LPS mm, shape (8, 3)."""
    to_world = index_to_world(image)
    size = np.array(image.GetSize())
    last = size - 1.0
    ends = np.array(list(np.ndindex(2, 2, 2)))
    return apply(to_world, ends * last)


def trim_padding(image: Image, margin: float = 12.0) -> Image:
    """Cut off the constant border; `margin` mm of air stay where the head does not touch it."""
    thinned = _Thinned.of(image)
    if thinned is None:
        return image

    spacing = image.GetSpacing()
    ranges: list[slice] = []
    for axis, size in enumerate(image.GetSize()):
        air = int(margin / spacing[axis])
        used = thinned.used_range(
            axis,
            size=size,
            air=air,
        )
        ranges.append(used)
    return image[tuple(ranges)]


@dataclass(frozen=True)
class _Thinned:
    """Every second voxel of an image (x, y, z): what is not border, and the level of tissue."""

    values: Values
    filled: Flags
    threshold: float
    spacing: Array

    @classmethod
    def of(cls, image: Image) -> _Thinned | None:
        """Thin an image out; None if it holds one value only."""
        step = _PADDING_STEP
        values = view_of(image)[::step, ::step, ::step]
        background = values[0, 0, 0]
        filled = values != background
        if not filled.any():
            return None

        bright = np.percentile(values[filled], _TISSUE_PERCENTILE)
        spacing = step * np.array(image.GetSpacing())
        contrast = bright - background
        return cls(
            values=values.transpose(2, 1, 0),
            filled=filled.transpose(2, 1, 0),
            threshold=background + _TISSUE_SHARE * contrast,
            spacing=spacing,
        )

    def used_range(self, axis: int, size: int, air: int) -> slice:
        """The indices that stay along an axis of the image, of `size` voxels."""
        planes = np.moveaxis(
            self.filled,
            source=axis,
            destination=0,
        )
        used = np.flatnonzero(planes.any((1, 2)))
        lowest = int(used[0])
        highest = int(used[-1])
        end = _PADDING_STEP * highest + 1
        first = _PADDING_STEP * lowest
        last = min(end, size - 1)

        if not self._holds_tissue(axis, lowest):
            first = max(0, first - air)
        if not self._holds_tissue(axis, highest):
            last = min(size - 1, last + air)
        return slice(first, last + 1)

    def _holds_tissue(self, axis: int, index: int) -> bool:
        """Whether a plane across an axis cuts the head."""
        plane = np.take(
            self.values,
            indices=index,
            axis=axis,
        )
        is_tissue = plane > self.threshold
        pixel_mm2 = np.prod(np.delete(self.spacing, axis))
        area = is_tissue.sum() * pixel_mm2
        return bool(area > _LEAST_TISSUE_MM2)
