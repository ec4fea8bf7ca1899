"""Ghosts of a head in the air around it, taken away before anything else looks at the head.

What moves or is sampled unevenly is seen once more, fainter, at some distance along an axis. Such
copies make a head seem larger than it is, and flattening and ranks make them as bright as the head
itself. They are told from everything else by what they are: the air repeats the head's own details
at one distance. The head itself is left as it is, but for its rim.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from deidflow.face.affine import index_to_world
from deidflow.face.grids import nearest, on_even_grid
from deidflow.face.heads import head_mask, head_threshold
from deidflow.face.morphology import grown
from deidflow.face.volume import (
    Flags,
    Image,
    Values,
    flags_of,
    float_like,
    spacing_of,
    values_of,
    view_of,
    volume_ml,
)

_COARSE_MM, _DETAIL_MM = 4.0, 8.0
_STRICT, _EDGE_MM = 3.0, 5.0
"""A ghost of 30 % is darker than the head by this threshold; so far around it lies no air.

What is as dark or as thin as a scalp at the rim of a head counts as air; it is darkened by a few
hundredths where a ghost covers it.
"""
_LEAST_ML = 100.0
"""With less than this in the air a head has no ghost that matters."""
_NEAREST_MM, _FEWEST, _MOST = 20.0, 1_000, 4
_ALIKE, _STILL_ALIKE = 0.3, 0.2
"""Correlation of the air with the head at 4 mm and at 2; heads without ghosts have at most .31."""
_LEAST_SHARE, _MOST_SHARE = 0.04, 0.4
"""How bright a ghost is beside the head.

Less is what heads without ghosts have by chance; what is brighter would belong to the head by the
strict threshold: a smear of its own rim, or a neck that is too dark.
"""
_FEWEST_IN_PART, _FAINT = 300, 0.4
_REFINED = 2
"""The distance is refined by so many voxels of the fine grid either way."""


@dataclass(frozen=True)
class _Shift:
    """A distance along an axis of an array (z, y, x)."""

    axis: int
    voxels: int

    def pair(self, values: Values) -> tuple[Values, Values]:
        """Parts of an array: where a copy would be, and of what."""
        distance = abs(self.voxels)
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[self.axis] = slice(None, -distance)
        high[self.axis] = slice(distance, None)
        if self.voxels > 0:
            return values[tuple(high)], values[tuple(low)]
        return values[tuple(low)], values[tuple(high)]


def without_ghosts(windowed: Image) -> Image:
    """A windowed head of about 2 mm without ghosts in the air; itself where it has none."""
    coarse = on_even_grid(windowed, _COARSE_MM)
    head = grown(head_mask(coarse, _STRICT), _EDGE_MM)
    bright = flags_of(coarse > head_threshold(coarse))
    if volume_ml((bright & ~flags_of(head)).sum(), coarse) < _LEAST_ML:
        return windowed

    fine_head = flags_of(nearest(head, windowed))
    image = windowed
    for _ in range(_MOST):
        shift = _most_alike(on_even_grid(image, _COARSE_MM), flags_of(head))
        if shift is None:
            break
        values = _less_a_ghost(shift, image, fine_head, coarse)
        if values is None:
            break
        image = float_like(values, windowed)
    return image


def _most_alike(coarse: Image, head: Flags) -> _Shift | None:
    """The distance at which the air repeats the head's details; None where it does nowhere."""
    spacing = spacing_of(index_to_world(coarse))[::-1]
    values = view_of(coarse).astype(np.float32)
    details = values - ndimage.gaussian_filter(values, _DETAIL_MM / spacing)
    best, most = None, _ALIKE
    for shift in _shifts(values.shape, spacing):
        alike = _likeness(shift, details, head)
        if alike > most:
            best, most = shift, alike
    return best


def _shifts(shape: tuple[int, ...], spacing: Values) -> Iterator[_Shift]:
    """All distances from the nearest ghost's on."""
    for axis, (size, step) in enumerate(zip(shape, spacing, strict=True)):
        for distance in range(round(_NEAREST_MM / step), size):
            yield _Shift(axis, distance)
            yield _Shift(axis, -distance)


def _likeness(shift: _Shift, values: Values, head: Flags) -> float:
    """The correlation of the air with the head at a distance; 0 where too little is seen."""
    copy, source = _compared(shift, values, head)
    if len(copy) < _FEWEST:
        return 0.0
    copy, source = copy - copy.mean(), source - source.mean()
    size = float(np.sqrt((copy @ copy) * (source @ source)))
    return float(copy @ source) / size if size else 0.0


def _compared(shift: _Shift, values: Values, head: Flags) -> tuple[Values, Values]:
    """Values of the air, and of the head at a distance from it."""
    in_copy, in_source = shift.pair(head)
    used = in_source & ~in_copy
    copy, source = shift.pair(values)
    return copy[used], source[used]


def _less_a_ghost(shift: _Shift, image: Image, head: Flags, coarse: Image) -> Values | None:
    """The values of an image of 2 mm without one ghost; None where it shows none at 2 mm."""
    values = values_of(image)
    refined = _refined(shift, values, head, coarse, image)
    share = _share(*_compared(refined, values, head))
    is_like = _likeness(refined, values, head) >= _STILL_ALIKE
    is_faint = _LEAST_SHARE <= share <= _MOST_SHARE
    if not (is_like and is_faint and _is_everywhere(refined, values, head, share)):
        return None

    lowest = float(values.min())
    in_copy, _ = refined.pair(head)
    copies, sources = refined.pair(values)
    less = np.maximum(copies - share * sources, lowest)
    copies[~in_copy] = less[~in_copy]
    return values


def _share(copy: Values, source: Values) -> float:
    """The slope of a copy against its source."""
    return float(np.cov(copy, source)[0, 1] / max(1e-9, source.var()))


def _is_everywhere(shift: _Shift, values: Values, head: Flags, share: float) -> bool:
    """Whether a ghost is about as bright in seven of the eight parts of the air that it covers.

    A coil, or a part of the head that is too dark to be known as such, is like the head by chance
    here and there.
    """
    in_copy, in_source = shift.pair(head)
    copies, sources = shift.pair(values)
    places = np.nonzero(in_source & ~in_copy)
    part = np.zeros(len(places[0]), int)
    for axis, positions in enumerate(places):
        part += (positions > np.median(positions)) << axis

    fainter = 0
    for number in range(8):
        used = tuple(positions[part == number] for positions in places)
        is_seen = len(used[0]) >= _FEWEST_IN_PART
        fainter += is_seen and _share(copies[used], sources[used]) < _FAINT * share
    return fainter <= 1


def _refined(shift: _Shift, values: Values, head: Flags, coarse: Image, fine: Image) -> _Shift:
    """A distance of the coarse grid as the most alike one of the fine grid."""
    axis = shift.axis
    step = coarse.GetSpacing()[2 - axis] / fine.GetSpacing()[2 - axis]
    middle = round(shift.voxels * step)
    near: list[_Shift] = []
    for aside in range(-_REFINED, _REFINED + 1):
        near.append(_Shift(axis, middle + aside))
    return max(near, key=lambda one: _likeness(one, values, head))
