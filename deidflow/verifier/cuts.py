"""Planes cut out of a volume, by how many voxels each row and column goes along its axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NEAR = 0.05
"""Largest distance, in voxels, of a pixel from the voxel that it is."""
Bools = NDArray[np.bool_]


def on_grid(steps: NDArray[np.float64], size: tuple[int, ...]) -> NDArray[np.intp] | None:
    """Whole voxels per row, per column, and of the first pixel, shape (3, 3); None off the grid."""
    whole = np.rint(steps)
    drift = np.abs(steps - whole) @ [size[0], size[1], 1]
    if (drift > _NEAR).any():
        return None
    return whole.astype(np.intp)


def corners_of(size: tuple[int, ...]) -> NDArray[np.intp]:
    """Rows and columns of the four corners of a plane, shape (2, 4)."""
    last_row, last_column = size[0] - 1, size[1] - 1
    rows = [0, 0, last_row, last_row]
    columns = [0, last_column, 0, last_column]
    return np.array([rows, columns], np.intp)


def cut(values: Bools, whole: NDArray[np.intp], size: tuple[int, ...]) -> Bools:
    """The voxels of a plane, shape (rows, columns); no copy if its axes are those of the grid."""
    moves_down = np.flatnonzero(whole[:, 0])
    moves_across = np.flatnonzero(whole[:, 1])
    is_straight = len(moves_down) == 1 and len(moves_across) == 1
    if not is_straight or moves_down[0] == moves_across[0]:
        return _gathered(values, whole, size)

    cuts = [_axis_cut(steps, size) for steps in whole]
    plane: Bools = values[tuple(cuts)]
    is_turned = moves_down[0] > moves_across[0]
    return plane.T if is_turned else plane


def _gathered(values: Bools, whole: NDArray[np.intp], size: tuple[int, ...]) -> Bools:
    """The voxels of a plane that lies across the axes of the grid."""
    rows = np.arange(size[0])[:, None]
    columns = np.arange(size[1])[None, :]
    indices = []
    for down, across, first in whole:
        index = first + down * rows + across * columns
        indices.append(index)
    plane: Bools = values[tuple(indices)]
    return plane


def _axis_cut(steps: NDArray[np.intp], size: tuple[int, ...]) -> int | slice:
    """What a plane takes of one axis: one voxel, or as many as it has rows or columns."""
    down, across, first = (int(step) for step in steps)
    if not down and not across:
        return first
    step = down or across
    count = size[0] if down else size[1]
    stop = first + step * count
    end = stop if stop >= 0 else None
    return slice(first, end, step)
