"""Views of a series before and after masking: planes with the mask's outline, and surfaces."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy import ndimage

from deidflow.face.volume import (
    first_volume,
    head_mask,
    image_of,
    lps_of,
    shrink,
    upright_grid,
    window,
)
from deidflow.report.surface import FRONT, OBLIQUE, render

Values = NDArray[Any]

_FINEST_MM = 1.0
_MOST_VOXELS = 256
"""Along the longest side of the field of view."""
_HEAD_MM = 2.0
_AROUND_MM = 10.0
_FEWEST_VOXELS = 1000
_FRAME_PIXELS = 4
_KEPT = 0.5
_AIR_HU = -1000.0
_TOP_PERCENTILE = 99.5
_OUTLINE = (255, 122, 89, 255)
PLANES = ("axial", "coronal", "sagittal")


@dataclass(frozen=True)
class Size:
    """How large and how good pictures are."""

    pixels: int = 440
    quality: int = 80


@dataclass(frozen=True)
class View:
    """One tile: WebP before and after, the mask's outline as a PNG; each may be empty."""

    name: str
    before: bytes
    after: bytes
    outline: bytes


@dataclass(frozen=True)
class SeriesImages:
    """NIfTI files of a series: the converted source, what was released, the mask (1 is kept)."""

    before: Path | None
    after: Path | None = None
    mask: Path | None = None


def views_of(images: SeriesImages, size: Size) -> tuple[View, ...]:
    """Three planes, the front and an angle of the series' first volume.

    Planes are cut through the middle of what was removed, else of the head. What is shown as
    `after` is the released file itself, not the source with the mask applied.
    """
    shown = images.before or images.after
    if shown is None:
        return ()

    grid = _head_grid(shown)
    before = _on_grid(images.before, grid) if images.before else None
    after = _on_grid(images.after, grid) if images.after else None
    removed = _removed(images.mask, grid)
    planes = _planes(before, after, removed, size)
    surfaces = _surfaces(before, after, grid, size)
    return (*planes, *surfaces)


def _load(path: Path) -> Any:
    loaded = nibabel.load(path)
    values = first_volume(loaded).transpose(2, 1, 0).astype(np.float32)
    image = image_of(values, lps_of(loaded.affine))
    return shrink(image, _FINEST_MM)


def _head_grid(path: Path) -> Any:
    """Cubic voxels along the body's axes around the head, or the whole image without one."""
    image = _load(path)
    size = np.array(image.GetSize())
    voxel = np.array(image.GetSpacing())
    extent = float((size * voxel).max())
    spacing = max(_FINEST_MM, float(voxel.min()) / 2, extent / _MOST_VOXELS)
    grid = upright_grid(image, spacing, least=2)
    head = _head(_on_grid(path, grid), grid)
    if head is None or head.sum() < _FEWEST_VOXELS:
        return grid

    bounds = []
    for indices, length in zip(np.nonzero(head), grid.GetSize()[::-1], strict=True):
        first = int((indices.min() * _HEAD_MM - _AROUND_MM) / spacing)
        last = int((indices.max() * _HEAD_MM + _AROUND_MM) / spacing) + 1
        bounds.append(slice(max(0, first), min(length, last)))
    rows = bounds[::-1]
    return grid[rows[0], rows[1], rows[2]]


def _on_grid(path: Path, grid: Any) -> Values:
    """Values (z, y, x); outside the field of view the darkest value, on CT at least that of air."""
    image = _load(path)
    floor = float(sitk.GetArrayViewFromImage(image).min())
    if floor < _AIR_HU:
        image = sitk.Clamp(image, sitk.sitkFloat32, _AIR_HU, 32767)
        floor = _AIR_HU
    resampled = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, floor)
    values: Values = sitk.GetArrayFromImage(resampled)
    return values


def _removed(mask: Path | None, grid: Any) -> Values | None:
    if mask is None:
        return None
    image = _load(mask)
    resampled = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 1.0)
    removed: Values = sitk.GetArrayFromImage(resampled) < _KEPT
    return removed


def _planes(
    before: Values | None,
    after: Values | None,
    removed: Values | None,
    size: Size,
) -> Iterator[View]:
    shown = before if before is not None else after
    assert shown is not None
    low = float(shown.min())
    top = float(np.percentile(shown, _TOP_PERCENTILE))
    middle = _middle(shown, removed, low, top)

    for axis, name in enumerate(PLANES):
        index = middle[axis]
        tiles = []
        for values in (before, after):
            tile = b""
            if values is not None:
                cut = _upright(np.take(values, index, axis), axis)
                tile = _webp(_grey(cut, low, top), size)
            tiles.append(tile)
        outline = b""
        if removed is not None:
            cut = _upright(np.take(removed, index, axis), axis)
            outline = _outline(cut, size)
        yield View(name, before=tiles[0], after=tiles[1], outline=outline)


def _upright(cut: Values, axis: int) -> Values:
    """A cut with the crown, or on axial cuts the nose, at the top."""
    return cut if axis == 0 else cut[::-1]


def _middle(shown: Values, removed: Values | None, low: float, top: float) -> tuple[int, ...]:
    """Index (z, y, x) through which the planes are cut."""
    tissue = shown > low + 0.15 * (top - low)
    region = tissue if removed is None else tissue & removed
    if not region.any():
        region = tissue if tissue.any() else np.ones_like(tissue)
    return tuple(int(np.median(axis)) for axis in np.nonzero(region))


def _surfaces(
    before: Values | None,
    after: Values | None,
    grid: Any,
    size: Size,
) -> Iterator[View]:
    heads = [_head(values, grid) for values in (before, after)]
    for turn in (FRONT, OBLIQUE):
        pictures = [None if head is None else render(head, turn) for head in heads]
        around = _box([picture for picture in pictures if picture is not None])
        tiles = []
        for picture in pictures:
            tile = b"" if picture is None else _webp(picture[around], size)
            tiles.append(tile)
        yield View(turn.name, before=tiles[0], after=tiles[1], outline=b"")


def _box(pictures: list[Values]) -> tuple[slice, slice]:
    """Rows and columns outside which every picture is black, and a little more."""
    seen = np.any(pictures, axis=0)
    if not seen.any():
        return slice(None), slice(None)
    rows = np.flatnonzero(seen.any(axis=1))
    columns = np.flatnonzero(seen.any(axis=0))
    return _span(rows), _span(columns)


def _span(indices: Values) -> slice:
    first = max(0, int(indices[0]) - _FRAME_PIXELS)
    return slice(first, int(indices[-1]) + 1 + _FRAME_PIXELS)


def _head(values: Values | None, grid: Any) -> Values | None:
    if values is None:
        return None
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(grid)
    coarse = upright_grid(image, _HEAD_MM, least=2)
    resampled = sitk.Resample(image, coarse, sitk.Transform(), sitk.sitkLinear, float(values.min()))
    head: Values = sitk.GetArrayFromImage(head_mask(window(resampled))) > 0
    return head


def _grey(cut: Values, low: float, top: float) -> Values:
    scaled = (cut - low) / max(top - low, 1e-6) * 255
    return np.clip(scaled, 0, 255).astype(np.uint8)


def _webp(values: Values, size: Size) -> bytes:
    picture = Picture.fromarray(np.ascontiguousarray(values), mode=None)
    square = Picture.new("L", (size.pixels, size.pixels))
    fitted, corner = _fitted(picture, size, Picture.Resampling.BICUBIC)
    square.paste(fitted, corner)
    stream = io.BytesIO()
    square.convert("RGB").save(stream, "WEBP", quality=size.quality, method=4)
    return stream.getvalue()


def _outline(removed: Values, size: Size) -> bytes:
    picture = Picture.fromarray((removed * 255).astype(np.uint8))
    fitted, corner = _fitted(picture, size, Picture.Resampling.BILINEAR)
    square = Picture.new("L", (size.pixels, size.pixels))
    square.paste(fitted, corner)
    inside = np.asarray(square) > 127
    border = inside & ~ndimage.binary_erosion(inside, border_value=1)
    colours = np.zeros((*border.shape, 4), np.uint8)
    colours[border] = _OUTLINE

    stream = io.BytesIO()
    palette = Picture.fromarray(colours).quantize(2)
    palette.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _fitted(
    picture: Picture.Image,
    size: Size,
    how: Picture.Resampling,
) -> tuple[Picture.Image, tuple[int, int]]:
    """A picture as large as fits into a square, and its upper left corner there."""
    scale = size.pixels / max(picture.size)
    width = max(1, round(picture.width * scale))
    height = max(1, round(picture.height * scale))
    corner = ((size.pixels - width) // 2, (size.pixels - height) // 2)
    return picture.resize((width, height), how), corner
