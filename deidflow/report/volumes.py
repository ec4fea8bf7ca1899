"""The first volume of a series on a grid along the body's axes, cut to the head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from deidflow.face.grids import shrink, upright_grid
from deidflow.face.heads import head_mask
from deidflow.face.intensities import window
from deidflow.face.volume import Image, first_volume, image_of, lps_of, view_of

Values = NDArray[Any]
Grid = Any

_FINEST_MM = 1.0
_MOST_VOXELS = 256
"""Along the longest side of the field of view."""
_HEAD_MM = 2.0
_AROUND_MM = 10.0
_FEWEST_VOXELS = 1000
_KEPT = 0.5
_AIR_HU = -1000.0


def load_volume(path: Path) -> Image:
    """The first volume of a NIfTI file as float32 in LPS, of 1 mm where it is finer."""
    loaded = nibabel.load(path)
    values = first_volume(loaded).transpose(2, 1, 0)
    image = image_of(
        values.astype(np.float32),
        lps_of(loaded.affine),
    )
    return shrink(image, _FINEST_MM)


def coarse_grid(image: Image) -> Grid:
    """A grid of 2 mm along the body's axes over a field of view, on which heads are found."""
    return upright_grid(image, _HEAD_MM, least=2)


def head_on(image: Image, coarse: Grid) -> Values:
    """The head of a volume on a coarse grid, as booleans (z, y, x)."""
    floor = float(view_of(image).min())
    small = _resample(
        image,
        coarse,
        sitk.sitkLinear,
        floor,
    )
    mask = head_mask(window(small))
    head: Values = sitk.GetArrayFromImage(mask) > 0
    return head


def head_grid(image: Image, head: Values | None) -> Grid:
    """Cubic voxels along the body's axes around the head, or the whole volume without one."""
    voxel = np.array(image.GetSpacing())
    extent = float((image.GetSize() * voxel).max())
    spacing = max(
        _FINEST_MM,
        float(voxel.min()) / 2,
        extent / _MOST_VOXELS,
    )
    grid = upright_grid(image, spacing, least=2)
    if head is None or head.sum() < _FEWEST_VOXELS:
        return grid

    rows = []
    for axis, indices in enumerate(reversed(np.nonzero(head))):
        first = (indices.min() * _HEAD_MM - _AROUND_MM) / spacing
        last = (indices.max() * _HEAD_MM + _AROUND_MM) / spacing
        most = grid.GetSize()[axis]
        rows.append(slice(max(0, int(first)), min(most, int(last) + 1)))
    return grid[rows[0], rows[1], rows[2]]


def on_grid(image: Image, grid: Grid) -> Values:
    """Values (z, y, x); outside the field of view the darkest value, on CT at least that of air."""
    floor = float(view_of(image).min())
    if floor < _AIR_HU:
        image = sitk.Clamp(
            image,
            sitk.sitkFloat32,
            _AIR_HU,
            32767,
        )
        floor = _AIR_HU

    return _resampled(
        image,
        grid,
        sitk.sitkLinear,
        floor,
    )


def removed_on_grid(mask: Image, grid: Grid) -> Values:
    """Where a mask (1 is kept) removes, as booleans (z, y, x)."""
    kept = _resampled(
        mask,
        grid,
        sitk.sitkNearestNeighbor,
        outside=1.0,
    )
    removed: Values = kept < _KEPT
    return removed


def _resample(image: Image, grid: Grid, interpolator: int, outside: float) -> Image:
    return sitk.Resample(
        image,
        grid,
        sitk.Transform(),
        interpolator,
        outside,
    )


def _resampled(image: Image, grid: Grid, interpolator: int, outside: float) -> Values:
    resampled = _resample(image, grid, interpolator, outside)
    values: Values = sitk.GetArrayFromImage(resampled)
    return values
