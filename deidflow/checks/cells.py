"""Native stored values: where they are in a file, and which of their bits count."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELL_TYPES = {8: "u1", 16: "u2", 32: "u4"}
"""BitsAllocated -> NumPy's name of the type, without byte order."""
Values = NDArray[Any]
Shape = tuple[int, int, int, int]
"""Frames, rows, columns, samples."""


@dataclass(frozen=True)
class Cells:
    """Where native stored values are in a Little Endian file, and which of their bits count."""

    start: int
    end: int
    shape: Shape
    planar: bool
    allocated: int
    stored: int
    lowest: int

    @property
    def format(self) -> tuple[object, ...]:
        """What two files must share for their bytes to be comparable."""
        return (
            self.shape,
            self.planar,
            self.allocated,
            self.stored,
            self.lowest,
        )

    @property
    def padding(self) -> int:
        """The number of bytes after the last stored value."""
        count = prod(self.shape)
        bits = count * self.allocated
        value_bytes = ceil(bits / 8)
        length = self.end - self.start
        return length - value_bytes

    @property
    def is_plain(self) -> bool:
        """Whether each value fills whole bytes, so that NumPy can read it."""
        return self.allocated in CELL_TYPES

    def bytes_of(self, content: bytes) -> memoryview:
        """The bytes of the values, without a copy."""
        view = memoryview(content)
        return view[self.start : self.end]

    def values(self, content: bytes) -> Values:
        """Stored values, shape (frames, rows, columns, samples)."""
        dtype = np.dtype(f"<{CELL_TYPES[self.allocated]}")
        flat = np.frombuffer(
            content,
            dtype,
            count=prod(self.shape),
            offset=self.start,
        )
        shaped = in_shape(
            flat,
            self.shape,
            planar=self.planar,
        )
        return used_bits(
            shaped,
            self.stored,
            self.lowest,
        )


def in_shape(flat: Values, shape: Shape, *, planar: bool) -> Values:
    """Flat values in their shape; `planar`: samples are in planes (PlanarConfiguration 1)."""
    frames, rows, columns, samples = shape
    if samples == 1 or not planar:
        return flat.reshape(shape)
    planes = flat.reshape(
        frames,
        samples,
        rows,
        columns,
    )
    return np.moveaxis(planes, 1, -1)


def used_bits(values: Values, stored: int, lowest: int) -> Values:
    """The bits of BitsStored below HighBit, unsigned, in the width of the values."""
    width = values.dtype.itemsize
    native_type = values.dtype.newbyteorder("=")
    native = np.ascontiguousarray(values, native_type)
    unsigned = native.view(f"u{width}")

    bits = 8 * width
    if stored == bits and not lowest:
        return unsigned
    cell = unsigned.dtype.type
    highest = (1 << stored) - 1
    shift = cell(lowest)
    mask = cell(highest)
    shifted = unsigned >> shift
    used: Values = shifted & mask
    return used
