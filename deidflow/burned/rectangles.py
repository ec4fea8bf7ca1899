"""Rectangles of an image that are blanked, in all of its frames or in some."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Covered = NDArray[np.bool_]
"""Which pixels are blanked, shape (frames, rows, columns)."""


@dataclass(frozen=True, order=True)
class Rectangle:
    """A part of an image: its first row and column, counted from 0, and its size.

    `frames` are counted from 1 in each instance; none means all of them.
    """

    top: int
    left: int
    rows: int
    columns: int
    frames: tuple[int, ...] = ()


def covered(rectangles: Iterable[Rectangle], shape: tuple[int, ...]) -> Covered:
    """The pixels inside of rectangles, for an image of shape (frames, rows, columns).

    What of a rectangle lies outside of the image counts for nothing.
    """
    pixels = np.zeros(shape, bool)
    for rectangle in rectangles:
        bottom = rectangle.top + rectangle.rows
        right = rectangle.left + rectangle.columns
        rows = slice(rectangle.top, bottom)
        columns = slice(rectangle.left, right)
        frames = _frames_of(
            rectangle,
            count=shape[0],
        )
        for frame in frames:
            pixels[frame, rows, columns] = True
    return pixels


def _frames_of(rectangle: Rectangle, count: int) -> list[int]:
    """Indices of the frames that a rectangle is in."""
    if not rectangle.frames:
        return list(range(count))
    return [number - 1 for number in rectangle.frames if 1 <= number <= count]
