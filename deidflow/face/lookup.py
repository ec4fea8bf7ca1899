"""Values of an image at points of the world."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deidflow.face.affine import Array, apply, index_to_world, inverse
from deidflow.face.volume import Flags, Image, Values, flags_of, view_of

_FEWEST_POINTS = 50
"""With this many points in view or fewer no share is given."""


@dataclass(frozen=True)
class Seen:
    """Values at points, shape (n,), and whether each point lies in the field of view."""

    values: Values
    in_view: Flags

    @property
    def visible(self) -> Values:
        """The values of the points in view."""
        visible: Values = self.values[self.in_view]
        return visible

    @property
    def is_enough(self) -> bool:
        """Whether enough points are in view for a share of them to mean anything."""
        return int(self.in_view.sum()) > _FEWEST_POINTS

    def share(self) -> float:
        """The mean of the values in view; not a number where too few are."""
        if not self.is_enough:
            return math.nan
        return float(self.visible.mean())


@dataclass(frozen=True)
class Lookup:
    """An image that is asked for its nearest voxels; outside its field of view the values are 0."""

    values: Values
    to_index: Array

    @classmethod
    def of(cls, image: Image) -> Lookup:
        """Lookup of an image's values."""
        to_index = inverse(index_to_world(image))
        return cls(view_of(image), to_index)

    @classmethod
    def of_mask(cls, mask: Image) -> Lookup:
        """Lookup in a mask: true where it is set."""
        to_index = inverse(index_to_world(mask))
        return cls(flags_of(mask), to_index)

    def at(self, points: Array) -> Seen:
        """The voxels nearest to world points of shape (n, 3)."""
        indices = apply(self.to_index, points)
        x, y, z = np.rint(indices).astype(int).T
        depth, rows, columns = self.values.shape
        inside = _in_range(x, columns)
        inside &= _in_range(y, rows)
        inside &= _in_range(z, depth)

        values = np.zeros(len(points), self.values.dtype)
        values[inside] = self.values[
            z[inside],
            y[inside],
            x[inside],
        ]
        return Seen(values, inside)


def _in_range(indices: NDArray[np.int_], size: int) -> Flags:
    """Which indices are those of an axis with `size` voxels."""
    in_range: Flags = (indices >= 0) & (indices < size)
    return in_range
