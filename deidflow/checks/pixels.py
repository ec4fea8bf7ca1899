"""Stored values of two files compared; nothing here knows how they were written."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deidflow.checks.cells import CELL_TYPES, Cells, Values
from deidflow.checks.decoded_pixels import decoded_values

PackedMask = NDArray[np.uint8]
"""One bit per pixel of shape (frames, rows, columns), as `numpy.packbits` packs them."""


@dataclass(frozen=True)
class PixelFile:
    """A whole file, and where its native pixels are; None where a decoder is needed."""

    content: bytes
    cells: Cells | None

    def values(self, scratch: Path) -> Values:
        """Stored values, shape (frames, rows, columns, samples)."""
        if self.cells is None or self.cells.allocated not in CELL_TYPES:
            return decoded_values(self.content, scratch)
        return self.cells.values(self.content)

    def has_same_bytes(self, other: PixelFile) -> bool:
        """Whether both files store native values in the same format with the same bytes."""
        if self.cells is None or other.cells is None:
            return False
        if self.cells.format != other.cells.format:
            return False
        own = memoryview(self.content)[self.cells.start : self.cells.end]
        others = memoryview(other.content)[other.cells.start : other.cells.end]
        return own == others


def differ(
    source: PixelFile,
    released: PixelFile,
    removed: PackedMask | None,
    scratch: Path,
) -> bool:
    """Whether stored values differ where nothing was removed, or show anything where it was.

    `removed` is the mask, or None where all pixels are kept; `scratch` is a private folder for
    decoding. Only the bits of BitsStored count.
    """
    if removed is None and source.has_same_bytes(released):
        return False

    before = source.values(scratch)
    after = released.values(scratch)
    if before.shape != after.shape:
        return True
    if removed is None:
        return not np.array_equal(before, after)

    mask = _unpacked(removed, before.shape[:3])
    changed = (before != after).any(axis=-1)
    changed_outside = bool((changed & ~mask).any())
    return changed_outside or not _is_blank(after, mask)


def _unpacked(packed: PackedMask, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    bits = np.unpackbits(packed, count=prod(shape))
    return bits.reshape(shape).astype(bool)


def _is_blank(values: Values, mask: NDArray[np.bool_]) -> bool:
    """Whether all removed pixels of each frame hold one value, so that they show nothing."""
    for frame, removed in zip(values, mask, strict=True):
        pixels = frame[removed]
        first = pixels[:1]
        if (pixels != first).any():
            return False
    return True
