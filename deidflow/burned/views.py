"""Stored pixels as images of 8 bits that a reader of text can take, and projections of many."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut, convert_color_space, pixel_array

from deidflow.dicom.encoding import NATIVE
from deidflow.dicom.pixels import read_pixels, shape_of
from deidflow.dicom.stored_values import Stored, real_values
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

View = NDArray[np.uint8]
"""An image of shape (rows, columns, 3), RGB."""
Plane = NDArray[np.float32]
"""Grey values of shape (rows, columns), in real units."""
_SHARES = ((0.005, 99.995), (0.5, 99.5))
"""Percent of the pixels below the darkest and the brightest grey of each narrower window."""
_HIGHEST = 255
_CELLS = (8, 16, 32)


def read_cells(source: Any, scratch: Path) -> Stored:
    """The cells of a data set to look at, shape (frames, rows, columns, samples).

    Also of what cannot be masked: pixels of one bit, and native ones that share their colours.
    Raises Withheld without a decoder.
    """
    is_native = str(source.file_meta.TransferSyntaxUID) in NATIVE
    is_plain = int(source.BitsAllocated) in _CELLS
    if not is_native or (is_plain and source.PhotometricInterpretation != "YBR_FULL_422"):
        return read_pixels(source, scratch).cells
    try:
        cells: Stored = np.asarray(pixel_array(source, raw=True))
        return cells.reshape(shape_of(source))
    except (ValueError, AttributeError, RuntimeError, NotImplementedError):
        raise Withheld(Reason.NO_DECODER) from None


def is_colour(source: Any) -> bool:
    """Whether a data set shows colours, by samples or by a palette."""
    has_samples = int(source.get("SamplesPerPixel") or 1) > 1
    return has_samples or source.PhotometricInterpretation == "PALETTE COLOR"


def colour_view(cells: Stored, source: Any) -> View:
    """One frame of a colour image, its cells of shape (rows, columns, samples)."""
    if source.PhotometricInterpretation == "PALETTE COLOR":
        painted = apply_color_lut(cells[..., 0], source)
        return _in_bytes(painted)
    shown = _in_bytes(cells)
    is_native = str(source.file_meta.TransferSyntaxUID) in NATIVE
    photometric = str(source.PhotometricInterpretation)
    if is_native and photometric.startswith("YBR"):
        shown = convert_color_space(shown, "YBR_FULL", "RGB")
    return shown


def _in_bytes(values: NDArray[Any]) -> View:
    """Samples in 8 bits; those of 16 bits that use the lower byte only as they are."""
    is_wide = values.size > 0 and int(values.max()) > _HIGHEST
    bits = 8 * values.dtype.itemsize if is_wide else 8
    return (values >> (bits - 8)).astype(np.uint8)


def grey_plane(cells: Stored, source: Any, frame: int) -> Plane:
    """One frame of a grey image in real units, its cells of shape (rows, columns, 1)."""
    return real_values(cells, source, frame)


def grey_views(plane: Plane) -> list[View]:
    """A plane in 8 bits, from its darkest to its brightest grey, and by narrower windows.

    A few very bright or dark pixels leave all others one grey: such a window is without them.
    """
    low = float(plane.min())
    high = float(plane.max())
    if high <= low:
        return []
    views = [_windowed(plane, low, high)]
    width = high - low
    for shares in _SHARES:
        low, high = map(float, np.percentile(plane, shares))
        if 0 < high - low < width / 2:
            views.append(_windowed(plane, low, high))
            width = high - low
    return views


def _windowed(plane: Plane, low: float, high: float) -> View:
    scaled = (plane - low) * (_HIGHEST / (high - low))
    grey = np.clip(scaled, 0, _HIGHEST).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


class Projection:
    """The darkest and the brightest of each pixel over images of one size."""

    def __init__(self) -> None:
        self.lowest: NDArray[Any] | None = None
        self.highest: NDArray[Any] | None = None

    def add(self, planes: Iterable[NDArray[Any]]) -> None:
        """Take further images of the same shape."""
        for plane in planes:
            if self.lowest is None or self.highest is None:
                self.lowest = plane.copy()
                self.highest = plane.copy()
                continue
            np.minimum(self.lowest, plane, out=self.lowest)
            np.maximum(self.highest, plane, out=self.highest)
