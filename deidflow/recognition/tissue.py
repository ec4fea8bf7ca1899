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
    face = _face_zone(
        before,
        head,
        views,
        detectors,
    )
    beside = None
    if face is not None:
        beside = _ml(changed & ~face, before)

    return Tissue(
        head_ml=_ml(head, before),
        changed_ml=_ml(changed, before),
        no_face_ml=beside,
    )


def _ml(mask: Mask, image: HeadVolume) -> float:
    return float(mask.sum()) * image.voxel_ml


def brain(before: HeadVolume, changed: Mask) -> Brain:
    """Measure against SynthStrip's brain; takes about a minute of CPU."""
    volume = radveil_volume(before)
    report = volume.deskull(
        strip=False,
        low_memory=True,
    )
    mask = np.asarray(report["mask"]) > 0

    nearest = None
    if changed.any() and mask.any():
        distance = ndimage.distance_transform_edt(
            ~mask,
            before.spacing,
        )
        nearest = float(distance[changed].min())
    touched = mask & changed
    return Brain(
        brain_ml=_ml(mask, before),
        changed_voxels=int(touched.sum()),
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
    """Tissue near the skin between chin and brow; None where no face is found."""
    levels = _chin_and_brow(views, detectors)
    if levels is None:
        return None

    chin, brow = levels
    height = _heights(image)
    is_below_brow = height < brow
    is_level = (height > chin) & is_below_brow

    padded = np.pad(head, 1)
    depth = ndimage.distance_transform_edt(
        padded,
        image.spacing,
    )
    inner = slice(1, -1)
    is_near = depth[inner, inner, inner] < _FACE_DEPTH_MM
    zone: Mask = is_level & is_near
    return zone


def _heights(image: HeadVolume) -> NDArray[np.float32]:
    """The height of each voxel in RAS mm."""
    up = image.affine[2]
    heights = np.full(
        image.values.shape,
        up[3],
        np.float32,
    )
    for axis, length in enumerate(image.values.shape):
        shape = [1, 1, 1]
        shape[axis] = length
        steps = up[axis] * np.arange(length)
        heights += steps.reshape(shape).astype(np.float32)
    return heights


def _chin_and_brow(views: HeadViews, detectors: FaceDetectors) -> tuple[float, float] | None:
    """Heights in RAS mm, a little generous, from YuNet's eyes and mouth seen from the front."""
    view = views.render(0.0)
    row = detectors.yunet_row(view["rgb"])
    if row is None:
        return None

    points = row[_POINTS].reshape(5, 2)
    levels = points[:, 1]
    eyes = float(levels[_EYES].mean())
    mouth = float(levels[_MOUTH].mean())
    length: float = mouth - eyes
    chin = mouth + _CHIN * length
    brow = eyes - _BROW * length
    return (
        _height_of(view, chin),
        _height_of(view, brow),
    )


def _height_of(view: dict[str, Any], row: float) -> float:
    """The height of a row of pixels; radveil looks level, so all of a row are at one height."""
    is_filled = view["hit"].any(axis=1)
    rows = np.flatnonzero(is_filled).tolist()
    first = rows[0]
    last = rows[-1]
    top = _median_height(view, first)
    bottom = _median_height(view, last)

    distance = max(1, last - first)
    slope = (bottom - top) / distance
    return top + slope * (row - first)


def _median_height(view: dict[str, Any], row: int) -> float:
    is_hit = view["hit"][row]
    places = view["pos"][row]
    heights = places[is_hit][:, 2]
    return float(np.median(heights))
