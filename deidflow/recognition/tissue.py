"""What a defacing took: tissue, tissue that is no face, and brain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deidflow.recognition.detectors import FaceDetectors
from deidflow.recognition.views import HeadViews, radveil_volume
from deidflow.recognition.volumes import HeadVolume

Mask = NDArray[np.bool_]
Point = NDArray[np.float64]
_FACE_DEPTH_MM = 20.0
"""What lies deeper than this below the skin is no face."""
_POINTS = slice(4, 14)
"""The five points in YuNet's row: eyes, nose, corners of the mouth."""
_EYES = slice(0, 2)
_MOUTH = slice(3, 5)
_CHIN = 0.9
_BROW = 0.5
"""Below the mouth and above the eyes, in distances from eyes to mouth."""


@dataclass(frozen=True)
class Tissue:
    """Millilitres of the head that changed."""

    head_ml: float
    changed_ml: float
    no_face_ml: float | None
    """Deeper than 20 mm, below the chin or above the brow; None where no face is seen before."""

    @property
    def share(self) -> float:
        """Changed part of the head."""
        return self.changed_ml / max(self.head_ml, 1e-9)


@dataclass(frozen=True)
class Brain:
    """What SynthStrip (in radveil) calls brain in the original, beside what changed."""

    brain_ml: float
    changed_voxels: int
    nearest_mm: float | None
    """From the brain to the nearest changed voxel; 0 inside it, None where nothing changed."""


def changed_voxels(before: HeadVolume, after: HeadVolume) -> Mask:
    """Voxels whose value differs by more than rounding."""
    tolerance = 1e-4 * float(np.abs(before.values).max())
    difference = np.abs(before.values - after.values)
    changed: Mask = difference > tolerance
    return changed


def tissue(before: HeadVolume, after: HeadVolume, detectors: FaceDetectors) -> Tissue:
    """Measure the tissue that was taken; both images are on one grid."""
    views = HeadViews(before)
    head = _head(before, views.threshold)
    changed = changed_voxels(before, after) & head
    face = _face_zone(before, head, views, detectors)
    voxel_ml = before.voxel_ml
    return Tissue(
        head_ml=float(head.sum()) * voxel_ml,
        changed_ml=float(changed.sum()) * voxel_ml,
        no_face_ml=None if face is None else float((changed & ~face).sum()) * voxel_ml,
    )


def brain(before: HeadVolume, changed: Mask) -> Brain:
    """Measure against SynthStrip's brain; takes about a minute of CPU."""
    report = radveil_volume(before).deskull(strip=False, low_memory=True)
    mask = np.asarray(report["mask"]) > 0
    nearest = None
    if changed.any() and mask.any():
        distance = ndimage.distance_transform_edt(~mask, before.spacing)
        nearest = float(distance[changed].min())
    return Brain(
        brain_ml=float(mask.sum()) * before.voxel_ml,
        changed_voxels=int((mask & changed).sum()),
        nearest_mm=nearest,
    )


def _head(image: HeadVolume, threshold: float) -> Mask:
    """The largest part above the surface's threshold, with its cavities."""
    labels, count = ndimage.label(image.values > threshold)
    if not count:
        return np.zeros(image.values.shape, bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = labels == sizes.argmax()
    filled: Mask = ndimage.binary_fill_holes(largest)
    return filled


def _face_zone(
    image: HeadVolume, head: Mask, views: HeadViews, detectors: FaceDetectors
) -> Mask | None:
    """Tissue near the skin between chin and brow; None without landmarks."""
    levels = _chin_and_brow(views, detectors)
    if levels is None:
        return None

    chin, brow = levels
    height = _heights(image)
    is_level = (height > chin) & (height < brow)
    padded = np.pad(head, 1)
    depth = ndimage.distance_transform_edt(padded, image.spacing)[1:-1, 1:-1, 1:-1]
    zone: Mask = is_level & (depth < _FACE_DEPTH_MM)
    return zone


def _heights(image: HeadVolume) -> NDArray[np.float32]:
    """The height of each voxel in RAS mm."""
    up = image.affine[2]
    x, y, z = (np.arange(length, dtype=np.float32) for length in image.values.shape)
    heights: NDArray[np.float32] = up[0] * x[:, None, None] + up[1] * y[:, None] + up[2] * z + up[3]
    return heights


def _chin_and_brow(views: HeadViews, detectors: FaceDetectors) -> tuple[float, float] | None:
    """Heights in RAS mm, a little generous, from YuNet's eyes and mouth seen from the front."""
    view = views.render(0.0)
    row = detectors.yunet_row(view["rgb"])
    if row is None:
        return None

    levels = row[_POINTS].reshape(5, 2)[:, 1]
    eyes = float(levels[_EYES].mean())
    mouth = float(levels[_MOUTH].mean())
    chin = _height_of(view, mouth + _CHIN * (mouth - eyes))
    brow = _height_of(view, eyes - _BROW * (mouth - eyes))
    return chin, brow


def _height_of(view: dict[str, Any], row: float) -> float:
    """The height of a row of pixels; radveil looks level, so all of a row are at one height."""
    rows = np.nonzero(view["hit"].any(axis=1))[0]
    heights = [_median_height(view, int(end)) for end in (rows[0], rows[-1])]
    return float(heights[0] + (row - rows[0]) * (heights[1] - heights[0]) / (rows[-1] - rows[0]))


def _median_height(view: dict[str, Any], row: int) -> float:
    is_hit = view["hit"][row]
    return float(np.median(view["pos"][row, :, 2][is_hit]))
