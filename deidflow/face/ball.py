"""Masks grown and shrunk by a ball of voxels, bit by bit as ITK does, at a tenth of its cost.

ITK walks the surface of a mask. Here rows are grown once for each width that the ball has, and laid
over each other: memory operations on whole arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from deidflow.face.volume import Flags

Offset = tuple[int, int]
"""Planes and rows."""


def closed_by_ball(flags: Flags, radius: int) -> Flags:
    """Flags (z, y, x) dilated, then eroded, by a ball of `radius` voxels."""
    padded = np.pad(flags, 2 * radius)
    large = _dilated(padded, radius)
    closed = ~_dilated(~large, radius)
    return _without_border(closed, 2 * radius)


def opened_by_ball(flags: Flags, radius: int) -> Flags:
    """The same eroded, then dilated; outside the array everything counts as set."""
    background = np.pad(~flags, radius)
    eroded = ~_dilated(background, radius)
    small = _without_border(eroded, radius)
    opened = _dilated(np.pad(small, radius), radius)
    return _without_border(opened, radius)


def _without_border(flags: Flags, width: int) -> Flags:
    inner = slice(width, -width)
    return flags[inner, inner, inner]


def _dilated(flags: Flags, radius: int) -> Flags:
    """Flags grown by a ball; what lies within `radius` of the array's border is not complete."""
    grown = np.zeros_like(flags)
    inner = grown[radius:-radius, radius:-radius]
    depth, height, _ = inner.shape
    for width, offsets in _rows_of_ball(radius).items():
        wide = _widened(flags, width)
        for plane, row in offsets:
            planes = slice(radius + plane, radius + plane + depth)
            rows = slice(radius + row, radius + row + height)
            inner |= wide[planes, rows]
    return grown


def _widened(flags: Flags, width: int) -> Flags:
    """Flags grown by `width` voxels along each row."""
    wide = flags.copy()
    for step in range(1, width + 1):
        wide[:, :, step:] |= flags[:, :, :-step]
        wide[:, :, :-step] |= flags[:, :, step:]
    return wide


@lru_cache(maxsize=8)
def _rows_of_ball(radius: int) -> dict[int, list[Offset]]:
    """Half the width of a row of the ball -> where rows of this width are.

    As in ITK the ball's surface lies half a voxel outside the voxel at its radius.
    """
    rows: dict[int, list[Offset]] = {}
    for offset in _offsets(radius):
        plane, row = offset
        rest = (radius + 0.5) ** 2 - plane**2 - row**2
        if rest >= 0:
            rows.setdefault(math.isqrt(int(rest)), []).append(offset)
    return rows


def _offsets(radius: int) -> Iterator[Offset]:
    for plane in range(-radius, radius + 1):
        for row in range(-radius, radius + 1):
            yield plane, row
