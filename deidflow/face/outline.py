"""Whether two series show the body at the same place, by its outline alone: PET beside MR or CT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import fft

from deidflow.face.grids import nearest, on_even_grid
from deidflow.face.heads import head_mask
from deidflow.face.intensities import window
from deidflow.face.volume import Flags, Image, Values, flags_of, float_like, like, view_of

_SPACING_MM = 4.0
_SMOOTH_MM = 4.0
_FARTHEST_MM = 24.0
"""Shifts are tried as far as this along each axis."""


@dataclass(frozen=True)
class OutlineMatch:
    """How two outlines fit by the scanner's coordinates."""

    overlap: float
    """Dice, where both series look; 0 where neither shows a body."""
    shift_mm: float
    """The length of the shift by which they would overlap most."""


def outline_match(emission: Image, head: Image) -> OutlineMatch:
    """The outline of a PET beside the mask of a head, both in one world."""
    body = body_outline(emission)
    seen = flags_of(nearest(like(np.ones(view_of(head).shape, np.uint8), head), body))
    other = flags_of(nearest(head, body))
    own = flags_of(body) & seen
    total = int(own.sum() + other.sum())
    if not total:
        return OutlineMatch(0.0, np.inf)

    shared = _shared(own, other)
    step = np.array(body.GetSpacing()[::-1])
    best = np.unravel_index(int(shared.argmax()), shared.shape)
    middle = np.array(shared.shape) // 2
    shift = (np.array(best) - middle) * step
    return OutlineMatch(
        overlap=float(2 * shared[tuple(middle)] / total),
        shift_mm=float(np.linalg.norm(shift)),
    )


def body_outline(emission: Image) -> Image:
    """A mask of the body in a PET at 4 mm: square roots, so that a hot brain does not hide skin."""
    even = on_even_grid(emission, _SPACING_MM)
    roots = np.sqrt(np.maximum(view_of(even), 0))
    smooth = sitk.SmoothingRecursiveGaussian(
        float_like(roots, even),
        sigma=_SMOOTH_MM,
    )
    return head_mask(window(smooth))


def _shared(first: Flags, second: Flags) -> Values:
    """Voxels that two masks share when one is shifted, for shifts around none."""
    reach = round(_FARTHEST_MM / _SPACING_MM)
    shape = [fft.next_fast_len(size + reach) for size in first.shape]
    transformed = fft.rfftn(first.astype(np.float32), shape)
    other = fft.rfftn(second.astype(np.float32), shape)
    product = fft.irfftn(transformed * np.conj(other), shape)

    span = np.arange(-reach, reach + 1)
    around: Values = product[np.ix_(*(span % size for size in shape))]
    return np.rint(around)
