"""Stored pixels as images of 8 bits that a reader of text can take, and projections of many."""

from __future__ import annotations

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
_SHARES = ((0.005, 99.995), (0.05, 99.95), (0.5, 99.5))
"""Percent of the pixels below the darkest and the brightest grey of each narrower window."""
_HIGHEST = 255
_CELLS = (8, 16, 32)


def read_cells(source: Any, scratch: Path) -> Stored:
    """The cells of a data set to look at, shape (frames, rows, columns, samples).

    Also of what cannot be masked: pixels of one bit, and native ones that share their colours.
    Raises Withheld without a decoder.
    """
    if not _is_odd(source):
        return read_pixels(source, scratch).cells
    try:
        values = pixel_array(source, raw=True)
        cells: Stored = np.asarray(values)
        return cells.reshape(shape_of(source))
    except (ValueError, AttributeError, RuntimeError, NotImplementedError):
        raise Withheld(Reason.NO_DECODER) from None


def _is_odd(source: Any) -> bool:
    """Native pixels of less than a byte, or with shared colours."""
    if not _is_native(source):
        return False
    if source.PhotometricInterpretation == "YBR_FULL_422":
        return True
    return int(source.BitsAllocated) not in _CELLS


def _is_native(source: Any) -> bool:
    syntax = source.file_meta.TransferSyntaxUID
    return str(syntax) in NATIVE


def is_colour(source: Any) -> bool:
    """Whether a data set shows colours, by samples or by a palette."""
    samples = source.get("SamplesPerPixel") or 1
    if int(samples) > 1:
        return True
    return bool(source.PhotometricInterpretation == "PALETTE COLOR")


def colour_view(cells: Stored, source: Any) -> View:
    """One frame of a colour image, its cells of shape (rows, columns, samples)."""
    if source.PhotometricInterpretation == "PALETTE COLOR":
        painted = apply_color_lut(cells[..., 0], source)
        return _in_bytes(painted)
    shown = _in_bytes(cells)
    photometric = str(source.PhotometricInterpretation)
    if _is_native(source) and photometric.startswith("YBR"):
        shown = convert_color_space(shown, "YBR_FULL", "RGB")
    return shown


def _in_bytes(values: NDArray[Any]) -> View:
    """Samples in 8 bits; those of 16 bits that use the lower byte only as they are."""
    bits = 8 * values.dtype.itemsize
    highest = int(values.max(initial=0))
    if highest <= _HIGHEST:
        return values.astype(np.uint8)
    upper_byte = values >> (bits - 8)
    return upper_byte.astype(np.uint8)


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
        low, high = np.percentile(plane, shares)
        narrower = high - low
        if 0 < narrower < width / 2:
            view = _windowed(
                plane,
                float(low),
                float(high),
            )
            views.append(view)
            width = narrower
    return views


def _windowed(plane: Plane, low: float, high: float) -> View:
    scale = _HIGHEST / (high - low)
    scaled = (plane - low) * scale
    limited = np.clip(
        scaled,
        0,
        _HIGHEST,
    )
    grey = limited.astype(np.uint8)
    samples = [grey, grey, grey]
    return np.stack(samples, axis=2)


class Projection:
    """The darkest and the brightest of each pixel over images of one size."""

    def __init__(self) -> None:
        self.lowest: NDArray[Any] | None = None
        self.highest: NDArray[Any] | None = None

    def add(self, plane: NDArray[Any]) -> None:
        """Take one more image, of the same shape as those before."""
        if self.lowest is None or self.highest is None:
            self.lowest = plane.copy()
            self.highest = plane.copy()
            return
        np.minimum(
            self.lowest,
            plane,
            out=self.lowest,
        )
        np.maximum(
            self.highest,
            plane,
            out=self.highest,
        )
