"""Views of a series before and after masking: planes with the mask's outline, and surfaces."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.face.volume import Image
from deidflow.report.surface import FRONT, OBLIQUE, Turn, render
from deidflow.report.tiles import Greys, Size, box_around, grey_tile, outline_tile
from deidflow.report.volumes import (
    coarse_grid,
    head_grid,
    head_on,
    load_volume,
    on_grid,
    removed_on_grid,
)

Values = NDArray[Any]

PLANES = ("axial", "coronal", "sagittal")
TURNS = tuple(Turn(f"{degrees:+d}°", degrees) for degrees in range(-90, 91, 15))
"""Directions from which a head is seen while it is turned."""
_WHITE_PERCENTILE = 99.5
_TISSUE = 0.15
_THINNED = (slice(None, None, 2),) * 3
"""Every second voxel each way is enough to find greys and the middle."""


@dataclass(frozen=True)
class View:
    """One tile: WebP before and after, the mask's outline as a PNG; each may be empty."""

    name: str
    before: bytes
    after: bytes
    outline: bytes = b""


@dataclass(frozen=True)
class SeriesImages:
    """NIfTI files of a series: the converted source, what was released, the mask (1 is kept)."""

    before: Path | None
    after: Path | None = None
    mask: Path | None = None

    @property
    def shown(self) -> Path | None:
        """The image that decides on what is shown."""
        return self.before or self.after


def views_of(images: SeriesImages, size: Size) -> tuple[View, ...]:
    """Three planes, the front and an angle of the series' first volume.

    Planes are cut through the middle of what was removed, else of the head. What is shown as
    `after` is the released file itself, not the source with the mask applied.
    """
    volumes = Volumes.read(images)
    if volumes is None:
        return ()
    planes = _planes(volumes, size)
    surfaces = _surfaces(
        volumes,
        (FRONT, OBLIQUE),
        size,
    )
    return (*planes, *surfaces)


def turned_views(images: SeriesImages, size: Size) -> tuple[View, ...]:
    """The head from one side over the front to the other."""
    volumes = Volumes.read(images)
    if volumes is None:
        return ()
    return tuple(_surfaces(volumes, TURNS, size))


@dataclass(frozen=True)
class Volumes:
    """A series on one grid along the axes of LPS, (z, y, x)."""

    grid: Any
    before: Values | None
    after: Values | None
    removed: Values | None
    heads: tuple[Values | None, Values | None]
    """The heads before and after, as booleans of 2 mm on one grid."""

    @classmethod
    def read(cls, images: SeriesImages) -> Volumes | None:
        """The volumes of a series; None where it has no image."""
        if images.shown is None:
            return None

        # The libraries work outside the interpreter's lock: two volumes at once, on two cores.
        with ThreadPoolExecutor(max_workers=2) as pool:
            loaded = pool.map(_loaded, (images.before, images.after, images.mask))
            before, after, mask = loaded
            shown = after if before is None else before
            coarse = coarse_grid(shown)
            heads = tuple(pool.map(partial(_head, coarse=coarse), (before, after)))
            grid = head_grid(shown, heads[1] if before is None else heads[0])
            values = tuple(pool.map(partial(_values, grid=grid), (before, after)))

        return cls(
            grid=grid,
            before=values[0],
            after=values[1],
            removed=None if mask is None else removed_on_grid(mask, grid),
            heads=(heads[0], heads[1]),
        )

    @property
    def shown(self) -> Values:
        """The volume that decides on greys and planes."""
        shown = self.after if self.before is None else self.before
        assert shown is not None  # noqa: S101  one of them was read
        return shown

    @cached_property
    def greys(self) -> Greys:
        """Black and white of every plane, before and after."""
        white = np.percentile(self.shown[_THINNED], _WHITE_PERCENTILE)
        return Greys(float(self.shown.min()), float(white))

    @cached_property
    def middle(self) -> tuple[int, ...]:
        """Index (z, y, x) through which the planes are cut."""
        greys = self.greys
        threshold = greys.black + _TISSUE * (greys.white - greys.black)
        tissue = self.shown[_THINNED] > threshold
        for region in (self._removed_of(tissue), tissue):
            if region.any():
                return tuple(2 * int(np.median(axis)) for axis in np.nonzero(region))
        return tuple(length // 2 for length in self.shown.shape)

    def _removed_of(self, tissue: Values) -> Values:
        return tissue if self.removed is None else tissue & self.removed[_THINNED]


def _planes(volumes: Volumes, size: Size) -> Iterator[View]:
    for axis, name in enumerate(PLANES):
        index = volumes.middle[axis]
        outline = b""
        if volumes.removed is not None:
            region = _cut(volumes.removed, axis, index)
            outline = outline_tile(region, size)
        yield View(
            name=name,
            before=_plane_tile(
                volumes.before,
                axis,
                index,
                volumes.greys,
                size,
            ),
            after=_plane_tile(
                volumes.after,
                axis,
                index,
                volumes.greys,
                size,
            ),
            outline=outline,
        )


def _plane_tile(
    values: Values | None,
    axis: int,
    index: int,
    greys: Greys,
    size: Size,
) -> bytes:
    if values is None:
        return b""
    cut = _cut(values, axis, index)
    return grey_tile(greys.grey(cut), size)


def _cut(values: Values, axis: int, index: int) -> Values:
    """A plane with the crown, or on axial planes the nose, at the top."""
    cut: Values = np.take(values, index, axis)
    return cut if axis == 0 else cut[::-1]


def _surfaces(volumes: Volumes, turns: tuple[Turn, ...], size: Size) -> Iterator[View]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield from pool.map(partial(_surface, volumes, size), turns)


def _surface(volumes: Volumes, size: Size, turn: Turn) -> View:
    rendered = [None if head is None else render(head, turn) for head in volumes.heads]
    around = box_around([picture for picture in rendered if picture is not None])
    tiles = []
    for picture in rendered:
        tile = b"" if picture is None else grey_tile(picture[around], size)
        tiles.append(tile)
    return View(
        turn.name,
        before=tiles[0],
        after=tiles[1],
    )


def _loaded(path: Path | None) -> Image | None:
    return None if path is None else load_volume(path)


def _head(image: Image | None, coarse: Any) -> Values | None:
    return None if image is None else head_on(image, coarse)


def _values(image: Image | None, grid: Any) -> Values | None:
    return None if image is None else on_grid(image, grid)
