"""The mask in world coordinates, evaluated on the plane of each stored frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from deidflow.dicom.geometry import Plane
from deidflow.face.affine import (
    Array,
    affine_of,
    apply,
    as_transform,
    compose,
    index_to_world,
    inverse,
    linear_part,
)
from deidflow.face.grids import nearest
from deidflow.face.plane_grid import plane_direction, plane_size, plane_spacing
from deidflow.face.template_regions import FARTHEST_MM, UNIT_MM
from deidflow.face.volume import (
    Flags,
    Image,
    flags_of,
    image_of,
    values_of,
    view_of,
    volume_ml,
)

_STRIDE = 8
_FAR = round(FARTHEST_MM / UNIT_MM)
Rectangle = tuple[slice, slice]
"""Rows and columns of a plane."""


@dataclass(frozen=True)
class Field:
    """Distances to something, in steps of 0.1 mm (0 inside, 250 far away), and where they lie."""

    distance: Image
    affine: Array
    """World of the series -> world of the distances, shape (3, 4)."""

    @cached_property
    def look_up(self) -> Any:
        """A SimpleITK filter for distances on planes: made once for the hundreds of a series."""
        look_up = sitk.ResampleImageFilter()
        look_up.SetTransform(as_transform(self.affine))
        look_up.SetInterpolator(sitk.sitkNearestNeighbor)
        look_up.SetDefaultPixelValue(float(_FAR))
        look_up.SetOutputPixelType(sitk.sitkUInt8)
        return look_up

    @cached_property
    def index_of_world(self) -> Array:
        """World of the series -> index (x, y, z) of the distances, shape (3, 4)."""
        to_index = inverse(index_to_world(self.distance))
        return compose(to_index, self.affine)

    def within(self, grid: Image, reach_mm: float) -> Flags:
        """Which points of a grid lie within `reach_mm`, shape (slices, rows, columns)."""
        distances = nearest(
            self.distance,
            grid,
            as_transform(self.affine),
            outside=_FAR,
        )
        steps = round(reach_mm / UNIT_MM)
        flags: Flags = view_of(distances) <= steps
        return flags

    def seen_from(self, motion: Array) -> Field:
        """The same field for a series whose world `motion` maps to this one's."""
        affine = compose(self.affine, motion)
        return replace(self, affine=affine)


def save_field(field: Field, path: Path) -> None:
    """Keep a field as a file."""
    np.savez_compressed(
        path,
        values=values_of(field.distance),
        index_to_world=index_to_world(field.distance),
        affine=field.affine,
    )


def load_field(path: Path) -> Field:
    """The field in a file."""
    with np.load(path) as stored:
        distance = image_of(
            stored["values"],
            stored["index_to_world"],
        )
        return Field(distance, stored["affine"])


@dataclass(frozen=True)
class WorldMask:
    """What is removed around one head: near the face region, and not near the brain."""

    face: Field
    margin_mm: float
    """Growth of the region."""
    brain: Field | None
    brain_margin_mm: float
    """What lies this near to the brain stays."""
    copies: tuple[WorldMask, ...] = ()
    """The same where the face is seen once more; what is spared there is the head."""

    def with_copies(self, moves: Array, head: Field, margin_mm: float) -> WorldMask:
        """The mask that also removes the face moved by vectors in mm, shape (n, 3).

        What lies within `margin_mm` of the head stays there.
        """
        copies: list[WorldMask] = []
        for move in moves:
            back = affine_of(np.eye(3), -move)
            copy = WorldMask(
                face=self.face.seen_from(back),
                margin_mm=self.margin_mm,
                brain=head,
                brain_margin_mm=margin_mm,
            )
            copies.append(copy)
        return replace(self, copies=tuple(copies))

    def seen_from(self, motion: Array) -> WorldMask:
        """The mask for a series whose world `motion` maps to this one's, without copies."""
        return WorldMask(
            face=self.face.seen_from(motion),
            margin_mm=self.margin_mm,
            brain=None if self.brain is None else self.brain.seen_from(motion),
            brain_margin_mm=self.brain_margin_mm,
        )

    def removed(self, plane: Plane) -> Flags:
        """Which pixels of a plane are removed, (rows, columns); no NIfTI affine is involved."""
        removed = self._removed_once(plane)
        for copy in self.copies:
            removed |= copy.removed(plane)
        return removed

    def _removed_once(self, plane: Plane) -> Flags:
        """The same without the copies."""
        removed = np.zeros((plane.rows, plane.columns), bool)
        box = _box(
            self.face,
            plane=plane,
            reach_mm=self.margin_mm,
        )
        if box is not None:
            removed[box] = self._removed_from(_part(plane, box))
        return removed

    def _removed_from(self, plane: Plane) -> Flags:
        """Which pixels are removed, of a plane that is near the face."""
        removed = _near(
            self.face,
            plane=plane,
            reach_mm=self.margin_mm,
        )
        if self.brain is None or not removed.any():
            return removed

        box = _box(
            self.brain,
            plane=plane,
            reach_mm=self.brain_margin_mm,
        )
        if box is not None:
            removed &= ~_near(
                self.brain,
                plane,
                self.brain_margin_mm,
            )
        return removed

    def on(self, grid: Image) -> Flags:
        """Which voxels of a grid are removed, shape (slices, rows, columns)."""
        removed = self.face.within(grid, self.margin_mm)
        if self.brain is not None and removed.any():
            near_brain = self.brain.within(grid, self.brain_margin_mm)
            removed &= ~near_brain
        for copy in self.copies:
            removed |= copy.on(grid)
        return removed

    def taken(self, tissue: Image) -> float:
        """Ml of a mask of tissue that are removed."""
        removed = self.on(tissue)
        inside = removed & flags_of(tissue)
        return volume_ml(inside.sum(), tissue)


def _near(field: Field, plane: Plane, reach_mm: float) -> Flags:
    """Which pixels of a plane lie within reach, shape (rows, columns)."""
    look_up = field.look_up
    look_up.SetSize(plane_size(plane))
    look_up.SetOutputOrigin(plane.origin.tolist())
    look_up.SetOutputSpacing(plane_spacing(plane))
    look_up.SetOutputDirection(plane_direction(plane))
    distances = look_up.Execute(field.distance)
    near: Flags = view_of(distances)[0] <= round(reach_mm / UNIT_MM)
    return near


def _box(field: Field, plane: Plane, reach_mm: float) -> Rectangle | None:
    """Rows and columns outside which no pixel lies within reach; None for nowhere.

    Found on every eighth pixel.
    """
    coarse = _thinned(plane)
    diagonal = math.hypot(
        coarse.row_spacing,
        coarse.column_spacing,
    )
    reach = reach_mm + diagonal / 2 + 2 * UNIT_MM
    near = _roughly_near(field, plane=coarse, reach_mm=min(reach, FARTHEST_MM))
    if not near.any():
        return None

    rows = np.flatnonzero(near.any(1))
    columns = np.flatnonzero(near.any(0))
    return _span(rows, plane.rows), _span(columns, plane.columns)


def _roughly_near(field: Field, plane: Plane, reach_mm: float) -> Flags:
    """The same for few pixels, without the half millisecond that SimpleITK needs to begin."""
    distances = view_of(field.distance)
    inside = np.ones((plane.rows, plane.columns), bool)
    indices = []
    for axis, places in enumerate(_places(field, plane)):
        size = distances.shape[2 - axis]
        inside &= (places >= 0) & (places < size)
        indices.append(np.clip(places, 0, size - 1))

    x, y, z = indices
    near: Flags = distances[z, y, x] <= round(reach_mm / UNIT_MM)
    outside_is_near = round(reach_mm / UNIT_MM) >= _FAR
    return np.where(inside, near, outside_is_near)


def _places(field: Field, plane: Plane) -> list[NDArray[np.int_]]:
    """The nearest indices (x, y, z) of the distances to the pixels of a plane."""
    linear = linear_part(field.index_of_world)
    first = apply(field.index_of_world, plane.origin)
    aside = linear @ plane.row_direction * plane.column_spacing
    down = linear @ plane.column_direction * plane.row_spacing

    columns = np.arange(plane.columns)
    rows = np.arange(plane.rows)[:, None]
    places = []
    for axis in range(3):
        exact = first[axis] + aside[axis] * columns + down[axis] * rows
        places.append(np.rint(exact).astype(int))
    return places


def _thinned(plane: Plane) -> Plane:
    """Every eighth pixel of a plane, and one row and column beyond its end."""
    return replace(
        plane,
        rows=math.ceil(plane.rows / _STRIDE) + 1,
        columns=math.ceil(plane.columns / _STRIDE) + 1,
        row_spacing=plane.row_spacing * _STRIDE,
        column_spacing=plane.column_spacing * _STRIDE,
    )


def _span(used: NDArray[np.intp], size: int) -> slice:
    """The pixels from before the first used one of every eighth to after the last."""
    before = int(used[0]) - 1
    after = int(used[-1]) + 1
    end = after * _STRIDE + 1
    return slice(max(0, before * _STRIDE), min(size, end))


def _part(plane: Plane, box: Rectangle) -> Plane:
    """A rectangle of a plane as a plane."""
    rows, columns = box
    aside = plane.row_direction * plane.column_spacing * columns.start
    down = plane.column_direction * plane.row_spacing * rows.start
    return replace(
        plane,
        origin=plane.origin + aside + down,
        rows=rows.stop - rows.start,
        columns=columns.stop - columns.start,
    )
