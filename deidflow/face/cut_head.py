"""Where the middle of a head lies of which the field of view shows a part only.

The centre of what is seen is then far from the head's own, too far for a search to find it.
"""

from __future__ import annotations

import numpy as np

from deidflow.face.affine import Array, index_to_world, linear_part
from deidflow.face.volume import Flags, Image, flags_of, spacing_of

_EXTENT_MM = np.array([155.0, 200.0, 170.0])
"""Of an adult's head from right to left, from front to back, and from the vertex to the chin."""
_SHORT, _CUT_MM2 = 0.75, 3_000.0
"""What is seen is shorter than this share of a head, and cut over such an area at one side."""


def centre_beyond(mask: Image, centre: Array) -> Array | None:
    """The middle of a head (LPS mm) that one side of the volume cuts off; None where none does.

    `mask` is the head of about 4 mm, `centre` that of its upper part as it is seen. How large the
    head is cannot be told from a part of it.
    """
    flags = flags_of(mask)

    linear = linear_part(index_to_world(mask))
    moved = np.zeros(3)
    for axis in range(3):
        along = linear[:, axis] / np.linalg.norm(linear[:, axis])
        extent = float(_EXTENT_MM[np.abs(along).argmax()])
        moved += along * _missing_mm(flags, axis, extent, mask)
    return centre + moved if moved.any() else None


def _missing_mm(flags: Flags, axis: int, extent: float, mask: Image) -> float:
    """How far the middle of a head of some extent lies from that of what is seen of it.

    Along an axis (x, y, z) of the volume; 0 where it is not cut at exactly one side.
    """
    spacing = spacing_of(index_to_world(mask))
    planes = np.moveaxis(flags, 2 - axis, 0)
    used = np.flatnonzero(planes.any((1, 2)))
    seen = (used[-1] - used[0] + 1) * spacing[axis]
    pixel_mm2 = float(np.prod(np.delete(spacing, axis)))
    first, last = planes[[0, -1]].sum((1, 2)) * pixel_mm2 > _CUT_MM2

    if seen > _SHORT * extent or first == last:
        return 0.0
    missing = (extent - seen) / 2
    return float(missing if last else -missing)
