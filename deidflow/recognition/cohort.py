"""Made-up people: a head and its defaced form, bent and stretched alike.

A copy stands for somebody else, so that a few real heads make a gallery that is worth searching.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deidflow.recognition.tissue import changed_voxels
from deidflow.recognition.volumes import HeadVolume, Values, binned

_GRID_MM = 1.0
"""Copies are not finer; the views are not either."""
_BEND_MM = 5.0
"""Standard deviation of the displacement of a knot."""
_KNOT_MM = 45.0
_STRETCH = 0.05
"""Standard deviation of the scale along each axis."""
_NOISE = 0.01
"""Noise of a copy, as a share of the 99th percentile."""
_LEAST_KNOTS = 4
Coordinates = NDArray[np.float32]


@dataclass(frozen=True)
class HeadPair:
    """A head before and after its face was removed, on one grid."""

    name: str
    before: HeadVolume
    after: HeadVolume


class Control(StrEnum):
    """Another probe in the place of a defaced head, to read its rates by."""

    BEHIND = "from behind"
    """The back of the original, mirrored: the outline, and nothing of the face."""
    MASK_KNOWN = "mask known"
    """What was changed is set to air: what somebody sees who has the mask too."""


def with_control(pair: HeadPair, control: Control) -> HeadPair:
    """A pair with a control in the place of its defaced head."""
    original = pair.before
    if control is Control.BEHIND:
        to_front = np.abs(original.affine[1, :3])
        values = np.flip(original.values, int(to_front.argmax()))
    else:
        values = np.where(
            changed_voxels(original, pair.after),
            original.values.min(),
            pair.after.values,
        )
    return replace(
        pair,
        after=replace(original, values=values),
    )


def bent_copy(pair: HeadPair, seed: int) -> HeadPair:
    """Somebody else: both images moved by one smooth random displacement, with new noise."""
    generator = np.random.default_rng(seed)
    original = binned(pair.before, _GRID_MM)
    defaced = binned(pair.after, _GRID_MM)
    coordinates = _moved_coordinates(original, generator)
    noise = _noise(original, generator)

    before = _resampled(original, coordinates)
    after = _resampled(defaced, coordinates)
    noisy_after = np.where(
        before == after,
        after + noise,
        after,
    )
    return HeadPair(
        name=f"{pair.name}-copy{seed}",
        before=replace(original, values=before + noise),
        after=replace(defaced, values=noisy_after),
    )


def _noise(head: HeadVolume, generator: np.random.Generator) -> Values:
    magnitudes = np.abs(head.values)
    level = _NOISE * float(np.percentile(magnitudes, 99))
    values = generator.standard_normal(
        head.values.shape,
        np.float32,
    )
    return values * np.float32(level)


def _moved_coordinates(head: HeadVolume, generator: np.random.Generator) -> Coordinates:
    """Where each voxel of the copy comes from, in voxels, shape (3, x, y, z)."""
    shape = head.values.shape
    scales = generator.normal(
        1,
        _STRETCH,
        3,
    )
    coordinates = np.indices(
        shape,
        dtype=np.float32,
    )
    for axis in range(3):
        middle = (shape[axis] - 1) / 2
        along = coordinates[axis]
        along -= middle
        along *= scales[axis]
        along += middle
        bend_mm = _bend(head, generator)
        along += bend_mm / head.spacing[axis]

    return coordinates


def _bend(head: HeadVolume, generator: np.random.Generator) -> Values:
    """A smooth field of displacements in mm, one axis."""
    shape = np.array(head.values.shape)
    knots = np.ceil(shape * head.spacing / _KNOT_MM).astype(int) + 1
    knots = np.maximum(knots, _LEAST_KNOTS)
    grid = generator.normal(
        0,
        _BEND_MM,
        tuple(knots),
    )
    field: Values = ndimage.zoom(
        grid.astype(np.float32),
        shape / knots,
        order=3,
        mode="nearest",
        grid_mode=True,
    )
    return field


def _resampled(head: HeadVolume, coordinates: Coordinates) -> Values:
    values: Values = ndimage.map_coordinates(
        head.values,
        coordinates,
        order=1,
        cval=float(head.values.min()),
    )
    return values
