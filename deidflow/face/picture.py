"""Sheets for people who may see faces: three planes with the outline of the mask, and the face rendered."""

from __future__ import annotations

import io
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

_GRID_MM, _PIXELS, _GAP = 2.0, 240, 4
_KEPT, _AIR_HU = 0.5, -1000.0
_OUTLINE = (255, 80, 60)
Values = NDArray[Any]


def save_sheet(before: Path, after: Path, mask: Path, sheet: Path) -> None:
    """Write a PNG: axial, coronal, sagittal, front and side of one NIfTI before (above) and after masking.

    `mask` is 1 where voxels were kept, on the grid of `after`.
    """
    first, second = _cube(before), _cube(after)
    removed = _cube(mask, outside=1.0) < _KEPT
    skin = head_mask(window(image_of(first, np.hstack([np.eye(3) * _GRID_MM, np.zeros((3, 1))]))))
    head = sitk.GetArrayFromImage(skin) > 0
    top = float(np.percentile(first, 99.5))
    rows = [
        [*_planes(first, removed, top), *_renderings(head)],
        [*_planes(second, removed, top), *_renderings(head & ~removed)],
    ]
    sheet.write_bytes(
        _png(np.concatenate([np.concatenate([_tile(one) for one in row], 1) for row in rows]))
    )


def _cube(path: Path, outside: float | None = None) -> Values:
    """The first volume on an axis-aligned grid of 2 mm in LPS, (z, y, x), z upwards; pads of CT are air."""
    loaded = nibabel.load(path)
    image = shrink(
        image_of(first_volume(loaded).transpose(2, 1, 0).astype(np.float32), lps_of(loaded.affine)),
        _GRID_MM,
    )
    grid = upright_grid(image, _GRID_MM, least=2)
    floor = float(sitk.GetArrayViewFromImage(image).min()) if outside is None else outside
    if floor < _AIR_HU:
        image, floor = sitk.Clamp(image, sitk.sitkFloat32, _AIR_HU, 32767), _AIR_HU
    found: Values = sitk.GetArrayFromImage(
        sitk.Resample(image, grid, sitk.Transform(), sitk.sitkNearestNeighbor, floor)
    )
    return found


def _planes(values: Values, removed: Values, top: float) -> list[Values]:
    """Axial, coronal and sagittal cuts through the middle of the mask, its outline drawn."""
    where = np.argwhere(removed)
    middle = where.mean(0).astype(int) if len(where) else np.array(values.shape) // 2
    cuts = []
    for axis in range(3):
        cut, mask = np.take(values, middle[axis], axis), np.take(removed, middle[axis], axis)
        low = float(values.min())
        grey = np.clip((cut - low) / max(top - low, 1e-6) * 255, 0, 255).astype(np.uint8)
        shown = np.stack([grey] * 3, -1)
        shown[mask & ~ndimage.binary_erosion(mask)] = _OUTLINE
        cuts.append(shown if axis == 0 else shown[::-1])
    return cuts


def _renderings(head: Values) -> list[Values]:
    """The head's surface from the front and from its right side, lit from where it is seen."""
    return [_lit(head.transpose(1, 0, 2)), _lit(head.transpose(2, 0, 1))]


def _lit(head: Values) -> Values:
    """The first set voxel along the first axis, shaded by its slope."""
    hit = head.any(0)
    depth = ndimage.gaussian_filter(np.where(hit, head.argmax(0), head.shape[0]).astype(float), 0.8)
    down, across = np.gradient(depth)
    light = 1 / np.sqrt(1 + down**2 + across**2)
    grey = np.where(hit, 60 + 195 * light, 0).astype(np.uint8)
    return np.stack([grey] * 3, -1)[::-1]


def _tile(values: Values) -> Values:
    """A picture fitted into a square."""
    picture = Picture.fromarray(np.ascontiguousarray(values))
    picture.thumbnail((_PIXELS, _PIXELS))
    scale = _PIXELS / max(picture.size)
    picture = picture.resize(
        (round(picture.width * scale), round(picture.height * scale)), Picture.Resampling.BILINEAR
    )
    square = Picture.new("RGB", (_PIXELS + _GAP, _PIXELS + _GAP))
    square.paste(picture, ((_PIXELS - picture.width) // 2, (_PIXELS - picture.height) // 2))
    return np.asarray(square)


def _png(values: Values) -> bytes:
    stream = io.BytesIO()
    Picture.fromarray(values).save(stream, "PNG")
    return stream.getvalue()
