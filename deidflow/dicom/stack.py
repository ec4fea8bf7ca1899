"""Volumes from planes: each slice where its header puts it, for any order, gap or tilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import shift

from deidflow.dicom.geometry import Plane, Vector
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

Values = NDArray[np.float32]
StackKey = tuple[float, ...]
"""What planes of one stack have in common."""
_UNEVEN = 0.02
"""Spread of the gaps between regular slices, as a share of their median."""
_ASIDE_MM = 0.1
"""How far the origins of regular slices may be off the normal of the first."""
_FARTHEST_MM = 3_000.0
_FINEST_STEP_MM, _COARSEST_STEP_MM = 1.0, 3.0


@dataclass(frozen=True)
class Slice:
    """The real values of one plane, shape (rows, columns)."""

    plane: Plane
    values: Values


@dataclass(frozen=True)
class Volume:
    """Values (z, y, x) on a regular grid; `affine` (3, 4) maps index (x, y, z) to LPS mm."""

    values: Values
    affine: NDArray[np.float64]
    slices: int
    """Number of planes it was made of."""
    regular: bool
    """Whether the planes themselves are the grid: no uneven gap, no tilt."""


def stack_key(plane: Plane) -> StackKey:
    """Planes with the same key can be stacked: orientation, matrix and pixel size."""
    directions = np.concatenate([plane.row_direction, plane.column_direction])
    rounded = np.round(directions, 2) + 0.0
    row_spacing = round(plane.row_spacing, 3)
    column_spacing = round(plane.column_spacing, 3)
    return (*rounded.tolist(), plane.rows, plane.columns, row_spacing, column_spacing)


def reduced(plane: Plane, values: Values, spacing: float) -> Slice:
    """Whole pixels averaged until both spacings are at most about `spacing` mm.

    `values` has the shape (rows, columns) of the plane.
    """
    down = _factor(
        plane.rows,
        plane.row_spacing,
        spacing,
    )
    across = _factor(
        plane.columns,
        plane.column_spacing,
        spacing,
    )
    if down == across == 1:
        return Slice(plane, values)

    rows = plane.rows // down
    columns = plane.columns // across
    whole_blocks = values[: rows * down, : columns * across]
    blocks = whole_blocks.reshape(
        rows,
        down,
        columns,
        across,
    )

    half_across = plane.column_spacing * (across - 1) / 2
    half_down = plane.row_spacing * (down - 1) / 2
    corner = plane.origin + plane.row_direction * half_across
    smaller = replace(
        plane,
        rows=rows,
        columns=columns,
        origin=corner + plane.column_direction * half_down,
        row_spacing=plane.row_spacing * down,
        column_spacing=plane.column_spacing * across,
    )
    return Slice(
        smaller,
        blocks.mean((1, 3), dtype=np.float32),
    )


def _factor(size: int, step: float, spacing: float) -> int:
    """How many of `size` pixels of `step` mm are averaged."""
    wanted = int(spacing / step + 1e-3)
    return min(size, max(1, wanted))


def volume_of(slices: Sequence[Slice]) -> Volume:
    """One volume of slices of the same key, one at each position; raises Withheld beyond 3 m."""
    ordered = sorted(
        slices,
        key=lambda single: single.plane.height,
    )
    first = ordered[0].plane
    planes = [single.plane for single in ordered]
    heights = np.array([plane.height for plane in planes])
    aside = np.array([_aside(plane, first) for plane in planes])
    if not _is_regular(heights, aside):
        return _interpolated(ordered, heights, aside)

    steps = np.diff(heights)
    step = first.column_spacing
    if len(steps):
        step = float(np.median(steps))
    values = np.stack([single.values for single in ordered])
    return Volume(
        values=values,
        affine=_affine(first, step),
        slices=len(ordered),
        regular=True,
    )


def _is_regular(heights: Vector, aside: NDArray[np.float64]) -> bool:
    """Whether slices have even gaps, and lie above each other without tilt."""
    if float(np.abs(aside).max()) > _ASIDE_MM:
        return False
    steps = np.diff(heights)
    if len(steps) == 0:
        return True
    spread = float(np.ptp(steps))
    median = float(np.median(steps))
    return spread <= _UNEVEN * median


def _aside(plane: Plane, first: Plane) -> Vector:
    """How far a plane's origin lies from the first one's along rows and columns, in mm."""
    offset = plane.origin - first.origin
    along_rows = offset @ first.row_direction
    along_columns = offset @ first.column_direction
    return np.array([along_rows, along_columns])


def _affine(plane: Plane, step: float) -> NDArray[np.float64]:
    """Index (x, y, z) to LPS mm, shape (3, 4), for slices `step` mm apart from a plane on."""
    x_axis = plane.row_direction * plane.column_spacing
    y_axis = plane.column_direction * plane.row_spacing
    z_axis = plane.normal * step
    return np.stack([x_axis, y_axis, z_axis, plane.origin], 1)


@dataclass(frozen=True)
class _Canvas:
    """The grid of an interpolated volume: large enough for every slice, moved to where it lies."""

    plane: Plane
    """The first slice, with its origin moved to the corner of the grid."""
    low: NDArray[np.int64]
    """Pixels (columns, rows) by which the corner lies before the origin of the first slice."""
    shape: tuple[int, int]
    """Rows and columns."""
    heights: Vector
    """Position of each slice of the grid along the normal, in mm."""
    step: float


def _canvas(first: Plane, heights: Vector, aside: NDArray[np.float64]) -> _Canvas:
    """The grid for slices at `heights` and `aside` (mm); raises Withheld beyond 3 m."""
    pitch = np.array([first.column_spacing, first.row_spacing])
    lowest = np.floor(aside.min(0) / pitch)
    highest = np.ceil(aside.max(0) / pitch)
    low = lowest.astype(int)
    more_columns, more_rows = highest.astype(int) - low
    rows = first.rows + int(more_rows)
    columns = first.columns + int(more_columns)

    median = np.median(np.diff(heights))
    step = float(
        np.clip(
            median,
            _FINEST_STEP_MM,
            _COARSEST_STEP_MM,
        )
    )
    extent = max(
        heights[-1] - heights[0],
        rows * pitch[1],
        columns * pitch[0],
    )
    if extent > _FARTHEST_MM:
        raise Withheld(Reason.NO_GEOMETRY, "slices far apart")

    columns_before, rows_before = low
    along_rows = first.row_direction * columns_before * pitch[0]
    along_columns = first.column_direction * rows_before * pitch[1]
    origin = first.origin + along_rows + along_columns
    return _Canvas(
        plane=replace(first, origin=origin),
        low=low,
        shape=(rows, columns),
        heights=np.arange(
            heights[0],
            heights[-1] + step / 2,
            step,
        ),
        step=step,
    )


def _interpolated(ordered: Sequence[Slice], heights: Vector, aside: NDArray[np.float64]) -> Volume:
    """Between neighbouring slices, each moved to its own origin (gantry tilt is a shear)."""
    first = ordered[0].plane
    canvas = _canvas(first, heights, aside)
    pitch = np.array([first.column_spacing, first.row_spacing])
    lowest = [single.values.min() for single in ordered]
    floor = float(min(lowest))
    values = np.full(
        (len(canvas.heights), *canvas.shape),
        floor,
        np.float32,
    )

    for index, height in enumerate(canvas.heights):
        below, above, share = _neighbours(heights, height)
        rest = 1 - share
        lower_offset = aside[below] * rest
        upper_offset = aside[above] * share
        offset = lower_offset + upper_offset

        lower = ordered[below].values * rest
        upper = ordered[above].values * share
        values[index] = _placed(
            lower + upper,
            offset=offset / pitch - canvas.low,
            shape=canvas.shape,
            floor=floor,
        )
    return Volume(
        values=values,
        affine=_affine(canvas.plane, canvas.step),
        slices=len(ordered),
        regular=False,
    )


def _neighbours(heights: Vector, height: float) -> tuple[int, int, float]:
    """The slices below and above a height, and the share of the upper one."""
    last = len(heights) - 1
    position = np.searchsorted(heights, height)
    above = int(np.clip(position, 1, last))
    below = above - 1

    gap = heights[above] - heights[below]
    from_below = height - heights[below]
    share = np.clip(from_below / gap, 0, 1)
    return below, above, float(share)


def _placed(values: Values, offset: Vector, shape: tuple[int, int], floor: float) -> Values:
    """Values on a canvas of `shape`, moved by an offset of (columns, rows) in pixels."""
    canvas = np.full(shape, floor, np.float32)
    rows, columns = values.shape
    canvas[:rows, :columns] = values
    moved: Values = shift(
        canvas,
        (offset[1], offset[0]),
        order=1,
        mode="constant",
        cval=floor,
        prefilter=False,
    )
    return moved
