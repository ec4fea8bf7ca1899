"""Volumes for registration: shrunk, windowed, cropped, flattened, ranked; and the head in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from deidflow.face.affine import Array, apply, index_to_world

Image = Any
RAS_OF_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
AIR_CEILING = 0.12
"""Ranked intensities: air lies below it, the head above."""
_FLATTEN_MM = 28.0


def image_of(values: NDArray[Any], affine: Array) -> Image:
    """A SimpleITK image of values (z, y, x) with an affine from index (x, y, z) to LPS."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(values))
    spacing = np.linalg.norm(affine[:, :3], axis=0)
    left, _, right = np.linalg.svd(affine[:, :3] / spacing)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((left @ right).ravel().tolist())
    image.SetOrigin(affine[:, 3].tolist())
    return image


def first_volume(loaded: Any) -> NDArray[Any]:
    """The values of a NIfTI image, of several volumes the first, of colour the mean."""
    values = np.asanyarray(loaded.dataobj)
    if values.dtype.names:
        values = np.stack([values[name] for name in values.dtype.names]).mean(0)
    first: NDArray[Any] = values.reshape(*values.shape[:3], -1)[..., 0]
    return first


def lps_of(affine: Array) -> Array:
    """The affine of a NIfTI image (4, 4) as one to LPS (3, 4)."""
    moved: Array = (RAS_OF_LPS @ affine)[:3]
    return moved


def upright_grid(image: Image, spacing: float, least: int = 1) -> Image:
    """An empty grid along the axes of LPS over an image's field of view, at least `least` voxels each way."""
    last = np.array(image.GetSize(), float) - 1
    corners = apply(index_to_world(image), np.array(list(np.ndindex(2, 2, 2))) * last)
    low, high = corners.min(0), corners.max(0)
    size = np.maximum(least, np.floor((high - low) / spacing + 1e-6).astype(int) + 1)
    return image_of(np.zeros(size[::-1], np.uint8), np.hstack([np.eye(3) * spacing, low[:, None]]))


def like(values: NDArray[Any], image: Image) -> Image:
    """An image of values with the geometry of another image."""
    made = sitk.GetImageFromArray(values)
    made.CopyInformation(image)
    return made


def shrink(image: Image, target: float) -> Image:
    """Averages whole voxels until the spacing is at most about `target` mm."""
    factors = [max(1, int(target / spacing + 1e-3)) for spacing in image.GetSpacing()]
    factors = [min(factor, size) for factor, size in zip(factors, image.GetSize(), strict=True)]
    return sitk.BinShrink(image, factors) if max(factors) > 1 else image


def on_even_grid(image: Image, spacing: float) -> Image:
    """The image on a grid of `spacing` mm in all directions: whole voxels averaged, then linear between them.

    Data within 15 % of the spacing stay on their own grid.
    """
    small = shrink(image, spacing)
    if max(abs(one - spacing) for one in small.GetSpacing()) < 0.15 * spacing:
        return small
    if max(small.GetSpacing()) < 0.85 * spacing:
        small = sitk.SmoothingRecursiveGaussian(small, spacing * 0.35)
    pairs = list(zip(small.GetSize(), small.GetSpacing(), strict=True))
    size = [max(1, int(count * step / spacing)) for count, step in pairs]
    first = small.TransformContinuousIndexToPhysicalPoint(
        [(spacing / step - 1) / 2 for _, step in pairs]
    )
    floor = float(sitk.GetArrayViewFromImage(small).min())
    return sitk.Resample(small, size, sitk.Transform(), sitk.sitkLinear, first, [spacing] * 3, small.GetDirection(),
                         floor, sitk.sitkFloat32)  # fmt: skip


def window(image: Image) -> Image:
    """Intensities between the .5th percentile and the 99th of what is brighter than it, as 0 to 1."""
    values = sitk.GetArrayViewFromImage(image)
    low, top = float(np.percentile(values, 0.5)), float(np.percentile(values, 99.5))
    bright = values[values > low + 0.02 * (top - low)]
    high = float(np.percentile(bright, 99)) if bright.size > 100 else float(values.max())
    return sitk.IntensityWindowing(
        image, low, max(high, low + max(1e-6, 1e-5 * abs(low))), 0.0, 1.0
    )


def head_threshold(image: Image) -> float:
    """What is brighter belongs to the head: 0.4 of Otsu's threshold of a windowed image; nothing where it is flat."""
    values = sitk.GetArrayViewFromImage(image)
    if float(values.min()) == float(values.max()):
        return float("inf")
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.SetInsideValue(0)
    otsu.SetOutsideValue(1)
    otsu.Execute(image)
    return float(0.4 * otsu.GetThreshold())


def head_mask(image: Image, strictness: float = 1.0) -> Image:
    """The head in a windowed image of about 2 or 4 mm; a higher threshold leaves out coils and noise."""
    opened = sitk.BinaryMorphologicalOpening(image > strictness * head_threshold(image), [1] * 3)
    return sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(largest(opened), [3] * 3))


def mask_points(mask: Image) -> Array:
    """World coordinates of the set voxels of a mask, shape (n, 3)."""
    indices = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1].astype(float)
    return apply(index_to_world(mask), indices)


def head_centres(image: Image, cut: float = 170.0) -> tuple[Array | None, Array | None]:
    """Centres of mass of the head's top `cut` mm and of the whole head; None without a head."""
    mask = head_mask(image)
    points = mask_points(mask)
    if len(points) < 50:
        return None, None
    volume = abs(float(np.linalg.det(index_to_world(mask)[:, :3])))
    heights = points[:, 2]
    counts, edges = np.histogram(
        heights, bins=np.arange(heights.min() - 5, heights.max() + 10, 5.0)
    )
    wide = np.nonzero(counts * volume / 5.0 > 2000)[0]
    top = edges[wide[-1] + 1] if len(wide) else heights.max()
    return points[heights > top - cut].mean(0), points.mean(0)


def trim_padding(image: Image, margin: float = 12.0) -> Image:
    """Cut off the constant border; a little air stays where the head does not touch it."""
    values = sitk.GetArrayViewFromImage(image)[::2, ::2, ::2]
    background = values[0, 0, 0]
    filled = values != background
    if not filled.any():
        return image
    threshold = background + 0.1 * (np.percentile(values[filled], 95) - background)
    spacing, size = image.GetSpacing()[::-1], image.GetSize()[::-1]
    ranges = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        used = np.nonzero(filled.any(axis=others))[0]
        first, last = int(2 * used[0]), int(min(2 * used[-1] + 1, size[axis] - 1))
        cell = float(np.prod([2 * spacing[other] for other in others]))
        air = int(margin / spacing[axis])
        tissue = [
            (np.take(values, index, axis) > threshold).sum() * cell > 2000
            for index in (used[0], used[-1])
        ]
        ranges.append(
            (
                first if tissue[0] else max(0, first - air),
                last if tissue[1] else min(size[axis] - 1, last + air),
            )
        )
    (z0, z1), (y0, y1), (x0, x1) = ranges
    return image[x0 : x1 + 1, y0 : y1 + 1, z0 : z1 + 1]


def flatten(image: Image, head: Image) -> Image:
    """Homomorphic flattening of the receive field inside the head."""
    values = sitk.GetArrayFromImage(image)
    inside = sitk.GetArrayFromImage(head).astype(np.float32)
    weight, field = _smooth(inside, image), _smooth(values * inside, image)
    bias = np.where(weight > 0.02, field / np.maximum(weight, 0.02), 0)
    median = np.median(bias[inside > 0]) if inside.any() else 1.0
    return like((values / np.maximum(bias, 0.15 * median) * median).astype(np.float32), image)


def _smooth(values: NDArray[Any], image: Image) -> NDArray[Any]:
    smoothed: NDArray[Any] = sitk.GetArrayFromImage(
        sitk.SmoothingRecursiveGaussian(like(values.astype(np.float32), image), _FLATTEN_MM)
    )
    return smoothed


def rank(image: Image) -> Image:
    """Air linear up to AIR_CEILING, head voxels above it by rank: invariant to monotone changes."""
    values = sitk.GetArrayFromImage(image)
    threshold = head_threshold(image)
    head = values[values > threshold]
    if head.size < 500:
        return image
    quantiles = np.quantile(head, np.linspace(0, 1, 65))
    steps = np.maximum.accumulate(
        quantiles + np.arange(65) * 1e-6 * (quantiles[-1] - quantiles[0] + 1e-9)
    )
    low = min(float(np.percentile(values, 1)), threshold - 1e-6)
    levels = np.r_[0.0, np.linspace(AIR_CEILING, 1, 65)]
    return like(np.interp(values, np.r_[low, steps], levels).astype(np.float32), image)


def flattened_ranks(windowed: Image) -> Image:
    """A windowed head at 4 mm with its receive field flattened and intensities as ranks."""
    four = on_even_grid(windowed, 4.0)
    return rank(window(flatten(four, head_mask(four))))


def grown(mask: Image, reach: float) -> Image:
    """What lies within `reach` mm of a mask; below 0 what lies deeper than that inside it."""
    return outward(mask) <= reach


def outward(mask: Image) -> Image:
    """Distance in mm from the surface of a mask: positive outside, negative inside."""
    return sitk.SignedMaurerDistanceMap(
        mask, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )


def largest(mask: Image) -> Image:
    """The largest connected part of a mask."""
    return sitk.RelabelComponent(sitk.ConnectedComponent(mask)) == 1


def millilitres(mask: Image) -> float:
    """The volume of a mask."""
    count = int(np.count_nonzero(sitk.GetArrayViewFromImage(mask)))
    return float(count * np.prod(mask.GetSpacing()) / 1000)


def nearest(mask: Image, grid: Image, transform: Any = None, outside: int = 0) -> Image:
    """A mask on another grid; `transform` maps points of the grid to the mask's world."""
    moved = sitk.Transform() if transform is None else transform
    return sitk.Resample(
        mask, grid, moved, sitk.sitkNearestNeighbor, float(outside), sitk.sitkUInt8
    )
