"""A face of the template in place of what was removed, as bright as the tissue beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from deidflow.dicom.geometry import Plane
from deidflow.face.affine import Array, as_transform
from deidflow.face.mask import WorldMask
from deidflow.face.morphology import grown, outward
from deidflow.face.plane_grid import grid_of
from deidflow.face.surrogate import TISSUE, with_chin
from deidflow.face.volume import Flags, Image, Values, flags_of, float_like, mask_like, view_of

_BESIDE_MM = 12.0
_BLEND_MM = 6.0
"""Standard deviation of the Gaussian by which the border is smoothed."""
_LEAST_WEIGHT = 0.02
_FEWEST_VOXELS = 200
_DARKEST, _BRIGHTEST = 0.6, 2.5
"""How bright a filled place may be against the whole face; bone and air are no measure of it."""
_BRAIN_MM = 6.0
"""What lies this near to the template's brain is brain too, or fluid: the skull begins there."""
_REACH = 3
"""Pixels beside a mask count as far as this many standard deviations."""


@dataclass(frozen=True)
class AverageFace:
    """An average or made-up head, seen from a series."""

    image: Image
    """The template's windowed intensities, 0 in air."""
    affine: Array
    """World of the series -> world of the template, shape (3, 4)."""
    gain: float
    """Real values of the series over those of the template, above air."""
    air: float
    """The real value of air."""

    def fill(self, plane: Plane, values: Values, removed: Flags) -> Values:
        """Real values for the removed pixels of a plane, shape (n,).

        `values` are those of the plane's pixels, `removed` says which go, both (rows, columns).
        Only pixels that stay decide how bright the average is beside them.
        """
        average = self._on(grid_of(plane))[0]
        box = _around(removed, plane)
        kept = ~removed[box] & (average[box] > TISSUE)
        above_air = np.where(kept, values[box] - self.air, 0)
        expected = np.where(kept, average[box], 0)

        sigma = _BLEND_MM / plane.row_spacing, _BLEND_MM / plane.column_spacing
        seen = _smooth(above_air, sigma) + _LEAST_WEIGHT * self.gain
        gain = seen / (_smooth(expected, sigma) + _LEAST_WEIGHT)
        limited = np.clip(
            gain,
            _DARKEST * self.gain,
            _BRIGHTEST * self.gain,
        )
        filled: Values = self.air + average[box] * limited
        return filled[removed[box]]

    def _on(self, grid: Image) -> Values:
        """The average on a grid, (slices, rows, columns)."""
        return view_of(_resampled(self.image, grid, self.affine))


def gain_of(volume: Image, mask: WorldMask, average: Image, affine: Array, air: float) -> float:
    """Real values over the template's beside a mask, each above air; 0 where none are in view.

    `volume` has real values, `affine` maps its world to the template's.
    """
    removed = mask.on(volume)
    if not removed.any():
        return 0.0
    expected = view_of(_resampled(average, volume, affine))
    near = flags_of(grown(mask_like(removed, volume), _BESIDE_MM))
    beside = near & ~removed & (expected > TISSUE)
    values = view_of(volume)[beside] - air
    if len(values) < _FEWEST_VOXELS:
        return 0.0
    ratio = np.median(values) / np.median(expected[beside])
    return float(max(ratio, 0.0))


def average_head(two: Image, head: Image, brain: Image) -> Image:
    """The windowed template without what lies outside its head, its chin going on below.

    Its brain is dark: bent and enlarged, it would lie outside the subject's skull, where software
    that looks for brains finds it.
    """
    outside = np.clip(view_of(outward(brain)) - _BRAIN_MM, 0, 1)
    return with_chin(float_like(view_of(two) * flags_of(head) * outside, two))


def _resampled(image: Image, grid: Image, affine: Array) -> Image:
    return sitk.Resample(
        image,
        referenceImage=grid,
        transform=as_transform(affine),
        interpolator=sitk.sitkLinear,
        defaultPixelValue=0.0,
        outputPixelType=sitk.sitkFloat32,
    )


def _around(removed: Flags, plane: Plane) -> tuple[slice, slice]:
    """The rows and columns that the border's smoothing reaches."""
    spacings = plane.row_spacing, plane.column_spacing
    spans: list[slice] = []
    for axis, spacing in enumerate(spacings):
        used = np.flatnonzero(removed.any(1 - axis))
        reach = int(_REACH * _BLEND_MM / spacing)
        first = max(0, int(used[0]) - reach)
        spans.append(slice(first, int(used[-1]) + reach + 1))
    rows, columns = spans
    return rows, columns


def _smooth(values: Values, sigma: tuple[float, float]) -> Values:
    smoothed: Values = ndimage.gaussian_filter(
        values.astype(np.float32),
        sigma=sigma,
        truncate=_REACH,
        mode="constant",
    )
    return smoothed
