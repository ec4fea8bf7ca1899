"""What the cells of pixel data stand for: stored integers, real values, and the fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.dicom.component import PHASE, component
from deidflow.dicom.functional_groups import FunctionalGroups
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

Stored = NDArray[Any]
"""Cells as they are in pixel data, shape (frames, rows, columns, samples) or of one frame."""
AIR_HU = -1000.0
_MIDDLE_OF_PHASE = 2048


def lowest_bit(source: Any) -> int:
    """The bit of a cell where the stored value begins; 0 except in old files (PS3.5 section 8.1.1).

    Raises Withheld if HighBit lies outside the cell.
    """
    stored = int(source.BitsStored)
    highest = int(source.get("HighBit", stored - 1))
    lowest = highest - stored + 1
    if not 0 <= lowest <= int(source.BitsAllocated) - stored:
        raise Withheld(Reason.NO_DECODER, "high bit")
    return lowest


def stored_values(cells: Stored, source: Any) -> NDArray[np.int64]:
    """The integers that cells hold in their BitsStored, signed if the header says so."""
    bits = int(source.BitsStored)
    mask = (1 << bits) - 1
    aligned = cells.astype(np.int64) >> lowest_bit(source)
    values: NDArray[np.int64] = aligned & mask
    if int(source.PixelRepresentation) != 1:
        return values
    sign = values >> (bits - 1)
    return values - (sign << bits)


def real_values(cells: Stored, source: Any, frame: int) -> NDArray[np.float32]:
    """A frame's cells in real units (HU for CT).

    The shape (rows, columns, samples) becomes (rows, columns), colour the mean of its samples.
    """
    rescale = _rescale(source, frame)
    samples = stored_values(cells, source)
    stored = _mean_of_samples(samples)
    is_inverted = source.PhotometricInterpretation == "MONOCHROME1"
    if is_inverted and source.get("Modality") != "CT":
        stored = stored.max() - stored

    slope = np.float32(rescale.slope)
    intercept = np.float32(rescale.intercept)
    values: NDArray[np.float32] = (stored * slope + intercept).astype(np.float32)
    return values


def _mean_of_samples(values: NDArray[np.int64]) -> NDArray[np.float32]:
    if values.shape[-1] == 1:
        return values[..., 0].astype(np.float32)
    mean: NDArray[np.float32] = values.mean(-1, dtype=np.float32)
    return mean


def without_overlay_bits(cells: Stored, source: Any) -> Stored:
    """Native cells whose bits outside BitsStored are cleared, but for an extended sign.

    Old overlays are in such bits (PS3.5 section 8.1.1, retired), and whatever else somebody put
    there. Raises Withheld if HighBit contradicts the pixels: values below it, and none in its
    highest bits.
    """
    stored = int(source.BitsStored)
    allocated = int(source.BitsAllocated)
    if stored == allocated or cells.dtype.kind != "u":
        return cells

    lowest = lowest_bit(source)
    value_mask = (1 << stored) - 1
    mask = cells.dtype.type(value_mask << lowest)
    plain: Stored = cells & mask
    if np.array_equal(plain, cells):
        return cells
    if lowest and not (cells >> stored).any():
        raise Withheld(Reason.NO_DECODER, "high bit")
    if int(source.PixelRepresentation) == 0:
        return plain

    values = stored_values(cells, source)
    signed: Stored = (values << lowest).astype(cells.dtype)
    return cells if np.array_equal(signed, cells) else signed


def fill_cell(source: Any, frame: int, fill: float | None = None) -> int:
    """The stored value of real 0 (MR, PT), 2048 for phase, -1000 HU (CT), 0 (colour) for one frame.

    `fill` is another real value. Returned as the unsigned cell. Neither the minimum (pads lie below
    air) nor PixelPaddingValue.
    """
    if int(source.get("SamplesPerPixel") or 1) > 1:
        return 0
    value = _fill_value(source, frame, fill)
    low, high = _stored_range(source)
    limited = min(max(value, low), high)
    cell = limited << lowest_bit(source)
    cell_mask = (1 << int(source.BitsAllocated)) - 1
    return cell & cell_mask


def filled(
    cells: Stored, removed: NDArray[np.bool_], source: Any, fill: float | None = None
) -> Stored:
    """A copy of cells with the fill of each frame where `removed` (frames, rows, columns) says so.

    Colour has no real value: its fill is 0 in every sample, whatever `fill` is.
    """
    result: Stored = cells.copy()
    touched = removed.any((1, 2))
    for frame in np.flatnonzero(touched):
        cell = fill_cell(source, int(frame), fill)
        value = np.array(cell, np.int64)
        result[frame][removed[frame]] = value.astype(cells.dtype)
    return result


def cells_of(values: NDArray[np.float32], source: Any, frame: int) -> NDArray[np.int64]:
    """Cells for real values of one frame, unsigned; within the stored range, and never padding.

    PixelPaddingValue would make a hole of a pixel that shows something (PS3.3 C.7.5.1.1.2).
    """
    rescale = _rescale(source, frame)
    low, high = _stored_range(source)
    exact = (values.astype(np.float64) - rescale.intercept) / rescale.slope
    stored = np.clip(np.rint(exact), low, high).astype(np.int64)
    padding = source.get("PixelPaddingValue")
    if isinstance(padding, int):
        beside = 1 if padding < high else -1
        stored[stored == padding] += beside

    cell_mask = (1 << int(source.BitsAllocated)) - 1
    cells: NDArray[np.int64] = (stored << lowest_bit(source)) & cell_mask
    return cells


def is_grey(source: Any, frame: int) -> bool:
    """Whether a frame shows real values of one component, the brighter the larger; no phase."""
    if int(source.get("SamplesPerPixel") or 1) > 1:
        return False
    if source.PhotometricInterpretation != "MONOCHROME2":
        return False
    return component(source, frame) != PHASE


def _stored_range(source: Any) -> tuple[int, int]:
    """The least and the greatest integer that BitsStored can hold."""
    bits = int(source.BitsStored)
    if int(source.PixelRepresentation) == 1:
        return -(1 << bits - 1), (1 << bits - 1) - 1
    return 0, (1 << bits) - 1


def _fill_value(source: Any, frame: int, fill: float | None) -> int:
    """The value to store, before it is limited to the range of stored values."""
    if fill is None and _is_unscaled_phase(source, frame):
        return _MIDDLE_OF_PHASE
    if fill is None:
        fill = AIR_HU if source.get("Modality") == "CT" else 0.0
    rescale = _rescale(source, frame)
    return round((fill - rescale.intercept) / rescale.slope)


def _is_unscaled_phase(source: Any, frame: int) -> bool:
    """Whether a frame is phase as 0 to 4095 without a rescale that says where zero is."""
    is_unsigned = int(source.PixelRepresentation) == 0
    if not is_unsigned or int(source.BitsStored) < 12:
        return False
    if _rescale(source, frame) != _IDENTITY:
        return False
    return component(source, frame) == PHASE


@dataclass(frozen=True)
class _Rescale:
    """Real value = slope * stored value + intercept (PS3.3 C.11.1.1.2)."""

    slope: float
    intercept: float


_IDENTITY = _Rescale(1.0, 0.0)


def _rescale(source: Any, frame: int) -> _Rescale:
    groups = FunctionalGroups.of(source)
    item = groups.macro(
        frame,
        "PixelValueTransformationSequence",
    )
    if item is not None:
        return _Rescale(
            float(item.RescaleSlope) or 1.0,
            float(item.RescaleIntercept),
        )

    slope = source.get("RescaleSlope")
    if slope in (None, ""):
        slope = 1
    intercept = source.get("RescaleIntercept") or 0
    return _Rescale(float(slope) or 1.0, float(intercept))
