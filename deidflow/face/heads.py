"""The head in a volume: its mask, its centres, the region in which it lies."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from deidflow.face.affine import Array, index_to_world, linear_part
from deidflow.face.morphology import largest, opened, solid
from deidflow.face.volume import Flags, Image, Values, flags_of, grid_indices, mask_points, view_of

UPPER_PART_MM = 170.0
"""Of a head of mean size; shoulders lie lower."""
_OTSU_SHARE = 0.4
_FEWEST_VOXELS = 50
_VERTEX_PERCENTILE = 99.8
_SLAB_MM, _WIDE_MM2 = 5.0, 2000
"""The vertex is sought in slabs of 5 mm: the highest one with a cut larger than 20 cm2."""
_MARGIN_MM, _NECK_MM, _FEWEST_REGION_VOXELS = 20.0, 215.0, 300


def head_threshold(image: Image) -> float:
    """What is brighter belongs to the head: 0.4 of Otsu's threshold of a windowed image.

    Infinite where the image is flat: nothing belongs to the head.
    """
    values = view_of(image)
    if float(values.min()) == float(values.max()):
        return float("inf")

    otsu = sitk.OtsuThresholdImageFilter()
    otsu.SetInsideValue(0)
    otsu.SetOutsideValue(1)
    otsu.Execute(image)
    return float(_OTSU_SHARE * otsu.GetThreshold())


def head_mask(image: Image, strictness: float = 1.0) -> Image:
    """The head in a windowed image of about 2 or 4 mm.

    A higher threshold leaves out coils and noise.
    """
    threshold = strictness * head_threshold(image)
    bright = opened(image > threshold, 1)
    return solid(largest(bright), 3)


def vertex_height(points: Array) -> float:
    """LPS z of the vertex, by the points (n, 3) of a head mask."""
    heights = points[:, 2]
    return float(np.percentile(heights, _VERTEX_PERCENTILE))


def head_centres(image: Image, cut: float = UPPER_PART_MM) -> tuple[Array | None, Array | None]:
    """Centres of mass of the head's top `cut` mm and of the whole head; None without a head."""
    mask = head_mask(image)
    points = mask_points(mask)
    if len(points) < _FEWEST_VOXELS:
        return None, None

    heights = points[:, 2]
    upper = heights > _top_of(heights, mask) - cut
    return points[upper].mean(0), points.mean(0)


def _top_of(heights: Array, mask: Image) -> float:
    """LPS z of the top of a head, without a thin tip."""
    edges = np.arange(
        heights.min() - _SLAB_MM,
        heights.max() + 2 * _SLAB_MM,
        step=_SLAB_MM,
    )
    counts, _ = np.histogram(heights, bins=edges)
    areas = counts * _voxel_mm3(mask) / _SLAB_MM
    wide = np.flatnonzero(areas > _WIDE_MM2)
    if not len(wide):
        return float(heights.max())

    highest = wide[-1]
    return float(edges[highest + 1])


def _voxel_mm3(image: Image) -> float:
    """The volume of a voxel."""
    linear = linear_part(index_to_world(image))
    volume = np.linalg.det(linear)
    return abs(float(volume))


def head_region(image: Image, size: float = 1.0) -> Flags | None:
    """Where points are sampled, (z, y, x): the box of the head, without what lies far below.

    `size` is the head's against an adult's. None where the image shows no head.
    """
    mask = head_mask(image)
    flags = flags_of(mask)
    if flags.sum() < _FEWEST_VOXELS:
        return None

    lowest = vertex_height(mask_points(mask)) - size * _NECK_MM
    region = _box_around(flags, image)
    region &= heights_of(image) > lowest
    if region.sum() <= _FEWEST_REGION_VOXELS:
        return None
    return region


def _box_around(flags: Flags, image: Image) -> Flags:
    """The box around flagged voxels of an image, grown by a margin."""
    indices = np.argwhere(flags)
    spacing = np.array(image.GetSpacing())
    margin = _MARGIN_MM / spacing[::-1]
    low = indices.min(0) - margin
    high = indices.max(0) + margin

    box = np.ones(flags.shape, bool)
    for axis, positions in enumerate(grid_indices(flags.shape)):
        box &= positions >= low[axis]
        box &= positions <= high[axis]
    return box


def heights_of(image: Image) -> Values:
    """LPS z of every voxel, (z, y, x)."""
    columns, rows, slices = image.GetSize()
    shape = (slices, rows, columns)
    z, y, x = grid_indices(shape)
    per_x, per_y, per_z, origin = index_to_world(image)[2]

    heights: Values = origin + per_x * x + per_y * y + per_z * z
    return heights
