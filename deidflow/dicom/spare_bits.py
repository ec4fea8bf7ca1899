"""Bits of native pixels outside the stored values: only a sign is allowed (PS3.5 section 8.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_ALLOCATED, _STORED, _HIGH, _SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
TAGS = (_ALLOCATED, _STORED, _HIGH)
"""BitsAllocated, BitsStored and HighBit."""
_WORDS = {8: "<u1", 16: "<u2", 32: "<u4"}
Cells = np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]


@dataclass(frozen=True)
class SpareBits:
    """Where the spare bits of a cell are."""

    word: str
    """NumPy type of a cell."""
    stored: int
    lowest: int
    """The bit of a cell where the stored value begins."""
    signed: bool

    @classmethod
    def of(cls, raws: Mapping[int, bytes]) -> SpareBits | None:
        """The spare bits by raw values of group 0028 (Little Endian); None if there are none."""
        allocated = _short(raws, _ALLOCATED, default=0)
        stored = _short(raws, _STORED, default=0)
        if allocated not in _WORDS or not 0 < stored < allocated:
            return None

        highest = _short(raws, _HIGH, default=stored - 1)
        lowest = highest - stored + 1
        if not 0 <= lowest <= allocated - stored:
            return None
        signed = _short(raws, _SIGNED, default=0) == 1
        return cls(
            _WORDS[allocated],
            stored,
            lowest,
            signed,
        )

    def are_used(self, pixels: bytes | memoryview) -> bool:
        """Whether any spare bit of native pixels holds something else than an extended sign."""
        size = np.dtype(self.word).itemsize
        cells: Cells = np.frombuffer(
            pixels,
            self.word,
            len(pixels) // size,
        )
        if not len(cells):
            return False

        value_mask = (1 << self.stored) - 1
        mask = cells.dtype.type(value_mask << self.lowest)
        any_bits = np.bitwise_or.reduce(cells)
        if not any_bits & ~mask:
            return False
        return not (self.signed and self._is_sign(cells))

    def _is_sign(self, cells: Cells) -> bool:
        """Whether the bits above the stored values repeat their sign, and none is set below."""
        size = cells.dtype.itemsize
        above = 8 * size - self.stored - self.lowest
        signed = cells.view(f"i{size}")
        extended = (signed << above) >> above
        if not np.array_equal(extended.view(cells.dtype), cells):
            return False
        mask = (1 << self.lowest) - 1
        below = cells.dtype.type(mask)
        return not (cells & below).any()


def _short(raws: Mapping[int, bytes], tag: int, *, default: int) -> int:
    raw = raws.get(tag, b"")
    if len(raw) < 2:
        return default
    return int.from_bytes(raw[:2], "little")
