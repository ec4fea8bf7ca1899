"""Bits of native pixels outside the stored values: nothing may be in them but a sign (PS3.5 8.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_ALLOCATED, _STORED, _HIGH, _SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
TAGS = (_ALLOCATED, _STORED, _HIGH)
_WORDS = {8: "<u1", 16: "<u2", 32: "<u4"}


@dataclass(frozen=True)
class SpareBits:
    """Where the spare bits of a cell are."""

    word: str
    stored: int
    lowest: int
    signed: bool

    @classmethod
    def of(cls, raws: Mapping[int, bytes]) -> SpareBits | None:
        """The spare bits that values of group 0028 (Little Endian) leave; None where there are none."""
        allocated, stored = _short(raws, _ALLOCATED, 0), _short(raws, _STORED, 0)
        if allocated not in _WORDS or not 0 < stored < allocated:
            return None
        lowest = _short(raws, _HIGH, stored - 1) - stored + 1
        if not 0 <= lowest <= allocated - stored:
            return None
        return cls(_WORDS[allocated], stored, lowest, _short(raws, _SIGNED, 0) == 1)

    def are_used(self, pixels: bytes | memoryview) -> bool:
        """Whether any spare bit of native pixels holds something that is not a sign that goes on."""
        size = np.dtype(self.word).itemsize
        cells = np.frombuffer(pixels, self.word, len(pixels) // size)
        if not len(cells):
            return False
        mask = cells.dtype.type(((1 << self.stored) - 1) << self.lowest)
        if not np.bitwise_or.reduce(cells) & ~mask:
            return False
        return not (self.signed and self._is_sign(cells))

    def _is_sign(self, cells: np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]) -> bool:
        """Whether the bits above the stored values repeat their sign, and none is below."""
        width = 8 * cells.dtype.itemsize
        signed = cells.view(f"i{cells.dtype.itemsize}")
        above = width - self.stored - self.lowest
        extended = ((signed << above) >> above).view(cells.dtype)
        below = cells.dtype.type((1 << self.lowest) - 1)
        return bool(np.array_equal(extended, cells)) and not (cells & below).any()


def _short(raws: Mapping[int, bytes], tag: int, default: int) -> int:
    raw = raws.get(tag, b"")
    return int.from_bytes(raw[:2], "little") if len(raw) >= 2 else default
