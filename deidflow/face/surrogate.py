"""A made-up person's head: the template's average, bent at random.

What stays of a head (forehead, outline, neck) tells a little of its owner. With one average face in
everybody's place nothing else differs between heads; a made-up face tells more, of nobody.
"""

from __future__ import annotations

import hmac

import numpy as np
from scipy import ndimage

from deidflow.face.affine import Array, index_to_world
from deidflow.face.volume import Image, Values, float_like, image_of, spacing_of, view_of

TISSUE = 0.15
"""The template's windowed intensity from which on a voxel is tissue."""
_BEND_MM = 5.0
"""Standard deviation of the displacement of a knot along each axis."""
_KNOT_MM = 60.0
_LARGER_MM = 8.0
"""The made-up head is so much larger all around: a smaller one would show what lies below it."""
_WHOLE_SLICE = 2
"""The lowest slice of the template that shows all of the chin; the chin goes on below."""
_FADING = 24
"""Below this slice the template fades: few of its heads reach so far down."""
_CHIN_MM = 80.0
_CHIN_ROUND_MM = 25.0
_CHIN_BACK_MM = 12.0
"""So far below the template the chin lies so much farther back."""
_PURPOSE = b"made-up face of "


def with_chin(average: Image) -> Image:
    """A head (0 in air) that goes on below its field of view, the chin falling back."""
    values = _evened(view_of(average))
    affine = index_to_world(average)
    _, column_mm, slice_mm = spacing_of(affine)
    count = round(_CHIN_MM / slice_mm)

    slices = [
        ndimage.shift(
            values[_WHOLE_SLICE],
            (_fallen_back(number * slice_mm) / column_mm, 0),
            order=1,
        )
        for number in range(count, 0, -1)
    ]
    whole = values[_WHOLE_SLICE:]
    lowest = np.repeat(whole[:1], _WHOLE_SLICE, axis=0)
    below = affine.copy()
    below[:, 3] -= count * affine[:, 2]
    return image_of(
        np.concatenate([*np.array(slices)[:, None], lowest, whole]),
        below,
    )


def _evened(values: Values) -> Values:
    """The head with its lowest slices as bright as the first that does not fade."""
    evened = values.copy()
    bright = _brightness(values[_FADING])
    for below in evened[:_FADING]:
        below *= bright / _brightness(below)
    return evened


def _brightness(plane: Values) -> float:
    return float(np.median(plane[plane > 0]))


def _fallen_back(below_mm: float) -> float:
    """How many mm farther back a chin lies below the template's lowest slice."""
    if below_mm > _CHIN_ROUND_MM:
        return _CHIN_BACK_MM + below_mm - _CHIN_ROUND_MM
    return _CHIN_BACK_MM * (below_mm / _CHIN_ROUND_MM) ** 2


def made_up_head(average: Image, key: bytes, pseudonym: str, *, covers: bool = True) -> Image:
    """The average head (windowed intensities, 0 in air) as another person's, on the same grid.

    `covers`: larger than the subject's, for a region that leaves what lies below the skin.

    It depends on the key and the pseudonym alone: all sessions of a subject show one person, and
    nobody without the key can bend it back.
    """
    generator = np.random.default_rng(_seed(key, pseudonym))
    values = view_of(average)
    spacing = spacing_of(index_to_world(average))[::-1]
    places = _larger(values, spacing, _LARGER_MM if covers else 0.0)
    for along, step in zip(places, spacing, strict=True):
        bend_mm = _bend(values.shape, spacing, generator)
        along += bend_mm / step

    bent = ndimage.map_coordinates(
        values,
        places,
        order=1,
    )
    return float_like(bent, average)


def _seed(key: bytes, pseudonym: str) -> int:
    message = _PURPOSE + pseudonym.encode()
    digest = hmac.digest(
        key,
        message,
        "sha256",
    )
    return int.from_bytes(digest)


def _larger(values: Values, spacing: Array, by_mm: float) -> Values:
    """Where each voxel of a larger head comes from, in voxels (3, z, y, x); up, not down."""
    middle = ndimage.center_of_mass(values > TISSUE)
    places = np.indices(
        values.shape,
        dtype=np.float32,
    )
    from_middle = np.stack(
        [
            (along - centre) * step
            for along, centre, step in zip(places, middle, spacing, strict=True)
        ]
    )
    np.maximum(
        from_middle[0],
        0,
        out=from_middle[0],
    )
    distance = np.sqrt((from_middle**2).sum(0))
    outwards = from_middle / np.maximum(distance, 1e-3)
    steps = outwards * by_mm / spacing.reshape(3, 1, 1, 1)
    larger: Values = (places - steps).astype(np.float32)
    return larger


def _bend(shape: tuple[int, ...], spacing: Array, generator: np.random.Generator) -> Values:
    """A smooth field of displacements in mm along one axis."""
    sizes_mm = np.array(shape) * spacing
    knots = np.ceil(sizes_mm / _KNOT_MM).astype(int) + 1
    grid = generator.normal(
        0,
        _BEND_MM,
        tuple(knots),
    )
    field: Values = ndimage.zoom(
        grid.astype(np.float32),
        np.array(shape) / knots,
        order=3,
        mode="nearest",
        grid_mode=True,
    )
    return field
