"""Stored values of two files compared; nothing here knows how they were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deidflow.checks.cells import Cells, Values
from deidflow.checks.decoded_pixels import decoded_values

_SAME_SHARE, _SAME_COUNT = 0.2, 20
"""Of values that show something, so many may be the same by chance: images of few greys."""
PackedMask = NDArray[np.uint8]
"""One bit per pixel of shape (frames, rows, columns), as `numpy.packbits` packs them."""


@dataclass(frozen=True)
class PixelFile:
    """A whole file, and where its native pixels are; None where a decoder is needed."""

    content: bytes
    cells: Cells | None
    has_pixels: bool = True
    """Objects such as plans and registrations have none."""

    def values(self, scratch: Path) -> Values:
        """Stored values, shape (frames, rows, columns, samples)."""
        cells = self.cells
        if cells is None or not cells.is_plain:
            return decoded_values(self.content, scratch)
        return cells.values(self.content)

    def has_same_bytes(self, other: PixelFile) -> bool:
        """Whether both files store native values in the same format with the same bytes."""
        own_cells = self.cells
        other_cells = other.cells
        if own_cells is None or other_cells is None:
            return False
        if own_cells.format != other_cells.format:
            return False
        own_bytes = own_cells.bytes_of(self.content)
        other_bytes = other_cells.bytes_of(other.content)
        return own_bytes == other_bytes


@dataclass(frozen=True)
class BlankedPart:
    """A rectangle that a source was read without: it must not go out.

    First row and column from 0; frames from 1, none means all.
    """

    top: int
    left: int
    rows: int
    columns: int
    frames: tuple[int, ...] = ()

    def is_inside(self, mask: NDArray[np.bool_]) -> bool:
        """Whether a mask (frames, rows, columns) removes all of it that lies in the image."""
        chosen = list(range(len(mask)))
        if self.frames:
            chosen = [number - 1 for number in self.frames if 0 < number <= len(mask)]
        bottom = self.top + self.rows
        right = self.left + self.columns
        part = mask[chosen, self.top : bottom, self.left : right]
        return bool(part.all())


def differ(
    source: PixelFile,
    released: PixelFile,
    removed: PackedMask | None,
    scratch: Path,
    refaced: bool = False,
    blanked: Sequence[BlankedPart] = (),
) -> bool:
    """Whether stored values differ where nothing was removed, or show anything where it was.

    With `refaced` an average face may be there, but nothing that resembles the source. `blanked`
    must be removed: what was read of the source is what goes out.

    `removed` is the mask, or None where all pixels are kept; `scratch` is a private folder for
    decoding. Only the bits of BitsStored count.
    """
    if removed is None and blanked:
        return True
    if removed is None and source.has_same_bytes(released):
        return False
    if not (source.has_pixels and released.has_pixels):
        return source.has_pixels or released.has_pixels or removed is not None

    before = source.values(scratch)
    after = released.values(scratch)
    if before.shape != after.shape:
        return True
    if removed is None:
        return not np.array_equal(before, after)

    mask = _unpacked(removed, before.shape[:3])
    if not all(part.is_inside(mask) for part in blanked):
        return True
    return _differs_outside(before, after, mask, refaced=refaced)


def _differs_outside(
    before: Values, after: Values, mask: NDArray[np.bool_], *, refaced: bool
) -> bool:
    changed = before != after
    changed_pixels = changed.any(axis=-1)
    changed_outside = changed_pixels & ~mask
    if changed_outside.any():
        return True
    if refaced:
        return resembles(before[mask], after[mask])
    return not _is_blank(after, mask)


def resembles(before: Values, after: Values) -> bool:
    """Whether many values are those of the source; the most frequent one is air."""
    if not after.size:
        return False
    values, counts = np.unique(after, return_counts=True)
    shows = after != values[counts.argmax()]
    same = shows & (before == after)
    return bool(same.sum() > _SAME_COUNT + _SAME_SHARE * shows.sum())


def _unpacked(packed: PackedMask, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    count = prod(shape)
    bits = np.unpackbits(packed, count=count)
    mask = bits.reshape(shape)
    return mask.astype(bool)


def _is_blank(values: Values, mask: NDArray[np.bool_]) -> bool:
    """Whether all removed pixels of each frame hold one value, so that they show nothing."""
    for frame, removed in zip(values, mask, strict=True):
        pixels = frame[removed]
        first = pixels[:1]
        if (pixels != first).any():
            return False
    return True
