"""Whether an image is a page: text and lines on plain ground, and no picture that could show a
face."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deidflow.burned.reader import TextLine
from deidflow.burned.views import View

_PLAIN_RANGE = 4
"""Largest difference of neighbouring greys on plain ground, of 255."""
_NEIGHBOURS = 5
_LEAST_PICTURE = 7
"""Pixels; what is thinner is a line, or the edge of a panel."""
_MARGIN = 6


def is_page(view: View, lines: Iterable[TextLine]) -> bool:
    """Whether an image shows nothing but its lines of text and thin lines on plain ground."""
    varies = _varies(view)
    for line in lines:
        around = _around(line)
        varies[around] = False

    side = _LEAST_PICTURE
    square = np.ones((side, side), bool)
    pictures: NDArray[np.bool_] = ndimage.binary_opening(varies, square)
    return not pictures.any()


def _varies(view: View) -> NDArray[np.bool_]:
    """Where the ground is not plain, shape (rows, columns)."""
    brightest_sample = view.max(axis=2)
    grey = brightest_sample.astype(np.int16)
    brightest = ndimage.maximum_filter(
        grey,
        _NEIGHBOURS,
    )
    darkest = ndimage.minimum_filter(
        grey,
        _NEIGHBOURS,
    )
    differences: NDArray[np.int16] = brightest - darkest
    return differences > _PLAIN_RANGE


def _around(line: TextLine) -> tuple[slice, slice]:
    """The box of a line with a margin."""
    rows = slice(
        max(0, line.top - _MARGIN),
        line.top + line.rows + _MARGIN,
    )
    columns = slice(
        max(0, line.left - _MARGIN),
        line.left + line.columns + _MARGIN,
    )
    return rows, columns
