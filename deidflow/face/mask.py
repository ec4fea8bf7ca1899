"""The mask in world coordinates, evaluated on the plane of each stored frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from deidflow.dicom.geometry import Plane
from deidflow.face.affine import Array, apply, as_transform, compose, index_to_world, inverse
from deidflow.face.template_regions import FARTHEST_MM, UNIT_MM
from deidflow.face.volume import Image, image_of

Removed = NDArray[np.bool_]
_STRIDE = 8


@dataclass(frozen=True)
class Field:
    """Distances to something, in steps of 0.1 mm (0 inside, 250 far away), and where they lie."""

    distance: Image
    affine: Array
    """World of the series -> world of the distances, shape (3, 4)."""

    def within(self, grid: Image, reach_mm: float) -> Removed:
        """Which points of a grid lie within `reach_mm`, shape (slices, rows, columns)."""
        transform, far = as_transform(self.affine), FARTHEST_MM / UNIT_MM
        found = sitk.Resample(
            self.distance, grid, transform, sitk.sitkNearestNeighbor, far, sitk.sitkUInt8
        )
        values: Removed = sitk.GetArrayViewFromImage(found) <= round(reach_mm / UNIT_MM)
        return values

    def seen_from(self, motion: Array) -> Field:
        """The same field for a series whose world `motion` maps to this one's."""
        return replace(self, affine=compose(self.affine, motion))


def save_field(field: Field, path: Path) -> None:
    """Keep a field as a file."""
    values, affine = sitk.GetArrayFromImage(field.distance), index_to_world(field.distance)
    np.savez_compressed(path, values=values, index_to_world=affine, affine=field.affine)


def load_field(path: Path) -> Field:
    """The field in a file."""
    with np.load(path) as stored:
        return Field(image_of(stored["values"], stored["index_to_world"]), stored["affine"])


@dataclass(frozen=True)
class WorldMask:
    """What is removed around one head: near the face region, and not near the brain."""

    face: Field
    margin_mm: float
    """Growth of the region."""
    brain: Field | None
    brain_margin_mm: float
    """What lies this near to the brain stays."""

    def removed(self, plane: Plane) -> Removed:
        """Which pixels of a plane are removed, shape (rows, columns); no NIfTI affine is involved."""
        removed = np.zeros((plane.rows, plane.columns), bool)
        near = _box(self.face, plane, self.margin_mm)
        if near is None:
            return removed
        part = _part(plane, *near)
        found = self.face.within(grid_of(part), self.margin_mm)[0]
        if self.brain is not None and _box(self.brain, part, self.brain_margin_mm) is not None:
            found &= ~self.brain.within(grid_of(part), self.brain_margin_mm)[0]
        removed[near] = found
        return removed

    def on(self, grid: Image) -> Removed:
        """Which voxels of a grid are removed, shape (slices, rows, columns)."""
        removed = self.face.within(grid, self.margin_mm)
        if self.brain is not None and removed.any():
            removed &= ~self.brain.within(grid, self.brain_margin_mm)
        return removed

    def taken(self, tissue: Image) -> float:
        """Ml of a mask of tissue that are removed."""
        inside = self.on(tissue) & (sitk.GetArrayViewFromImage(tissue) > 0)
        return float(inside.sum() * np.prod(tissue.GetSpacing()) / 1000)


def _box(field: Field, plane: Plane, reach_mm: float) -> tuple[slice, slice] | None:
    """Rows and columns outside which no pixel lies within reach, found on every eighth pixel; None for nowhere."""
    coarse = replace(
        plane,
        rows=-(-plane.rows // _STRIDE) + 1,
        columns=-(-plane.columns // _STRIDE) + 1,
        row_spacing=plane.row_spacing * _STRIDE,
        column_spacing=plane.column_spacing * _STRIDE,
    )
    between = math.hypot(coarse.row_spacing, coarse.column_spacing) / 2
    near = field.within(grid_of(coarse), min(reach_mm + between + 2 * UNIT_MM, FARTHEST_MM))[0]
    if not near.any():
        return None
    rows, columns = np.nonzero(near.any(1))[0], np.nonzero(near.any(0))[0]
    return _span(rows, plane.rows), _span(columns, plane.columns)


def _span(used: NDArray[np.intp], size: int) -> slice:
    return slice(max(0, int(used[0] - 1) * _STRIDE), min(size, int(used[-1] + 1) * _STRIDE + 1))


def _part(plane: Plane, rows: slice, columns: slice) -> Plane:
    """A rectangle of a plane as a plane."""
    aside = plane.row_direction * plane.column_spacing * columns.start
    origin = plane.origin + aside + plane.column_direction * plane.row_spacing * rows.start
    return replace(
        plane, origin=origin, rows=rows.stop - rows.start, columns=columns.stop - columns.start
    )


def grid_of(plane: Plane) -> Image:
    """The pixels of a plane as an empty image of one slice."""
    grid = sitk.Image([plane.columns, plane.rows, 1], sitk.sitkUInt8)
    directions = np.stack([plane.row_direction, plane.column_direction, plane.normal], 1)
    left, _, right = np.linalg.svd(directions)
    grid.SetDirection((left @ right).ravel().tolist())
    grid.SetSpacing([plane.column_spacing, plane.row_spacing, 1.0])
    grid.SetOrigin(plane.origin.tolist())
    return grid


def in_view(volume: Image, affine: Array, points: Array, margin_mm: float) -> float:
    """The share of template points, grown by a margin, that lies inside a volume's field of view."""
    to_index = inverse(index_to_world(volume))
    reach = margin_mm / np.linalg.norm(index_to_world(volume)[:, :3], axis=0)
    indices = apply(to_index, apply(inverse(affine), points))
    return float(
        ((indices >= -0.5 - reach) & (indices <= np.array(volume.GetSize()) - 0.5 + reach))
        .all(1)
        .mean()
    )
