"""The text in the images of a series: each image read, or projections of many.

A volume of CT, MR or PET is read once, in the brightest of each pixel over all slices: text that is
on one of them stands out. Of an object that may carry text each image is read, up to a number;
beyond it, images spread over the series and the darkest and brightest of each pixel over all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.burned.reader import TextLine, read_lines
from deidflow.burned.rectangles import Rectangle, covered
from deidflow.burned.views import (
    Projection,
    View,
    colour_view,
    grey_plane,
    grey_views,
    is_colour,
    read_cells,
)
from deidflow.dicom.stored_values import filled

_MOST_READ = 24
"""Images of a series that are read one by one."""


class Manner(StrEnum):
    """How the images of a series are read."""

    EACH = "each"
    PROJECTION = "projection"


@dataclass(frozen=True)
class Frame:
    """One image of a series, as it would go out."""

    number: int
    """Counted over all instances of the series, from 0."""
    values: NDArray[Any]
    """Colours (rows, columns, 3) in 8 bits, or greys (rows, columns) in real units."""

    @property
    def digest(self) -> bytes:
        """Frames of the same digest show the same."""
        content = np.ascontiguousarray(self.values).tobytes()
        return hashlib.blake2b(content, digest_size=16).digest()


@dataclass(frozen=True)
class SeriesText:
    """What is written in the images of a series."""

    lines: tuple[TextLine, ...]
    images: int
    """How many images and projections were read."""
    is_page: bool
    """Whether these show nothing beside text and lines."""


def frames_of(
    source: Any, rectangles: Iterable[Rectangle], first: int, scratch: Path
) -> Iterator[Frame]:
    """The frames of an instance with rectangles blanked, numbered from `first`.

    Raises Withheld without a decoder.
    """
    cells = read_cells(source, scratch)
    blank = covered(rectangles, cells.shape[:3])
    shown = cells
    if blank.any():
        shown = filled(cells, blank, source)

    in_colour = is_colour(source)
    for index, frame in enumerate(shown):
        if in_colour:
            values: NDArray[Any] = colour_view(frame, source)
        else:
            values = grey_plane(frame, source, index)
        number = first + index
        yield Frame(number, values)


def read_series(frames: Iterable[Frame], count: int, manner: Manner) -> SeriesText:
    """Read the text in a series of `count` frames."""
    chosen: frozenset[int] = frozenset()
    if manner is Manner.EACH:
        chosen = _spread(count)

    projections: dict[tuple[int, ...], Projection] = {}
    reading = _Reading()
    for frame in frames:
        projection = projections.setdefault(
            frame.values.shape,
            Projection(),
        )
        projection.add(frame.values)
        if frame.number in chosen:
            reading.add(frame.values)

    if len(chosen) < count:
        for projection in projections.values():
            _read_projection(reading, projection, manner)
    return SeriesText(
        lines=tuple(reading.lines),
        images=reading.images,
        is_page=reading.is_page,
    )


def _read_projection(reading: _Reading, projection: Projection, manner: Manner) -> None:
    if projection.highest is not None:
        reading.add(projection.highest)
    if manner is Manner.EACH and projection.lowest is not None:
        reading.add(projection.lowest)


def _spread(count: int) -> frozenset[int]:
    """Numbers of the frames that are read one by one, evenly over the series."""
    if count <= _MOST_READ:
        return frozenset(range(count))
    numbers = np.linspace(0, count - 1, _MOST_READ).round()
    return frozenset(map(int, numbers))


class _Reading:
    """Reads images, none twice."""

    def __init__(self) -> None:
        self.lines: list[TextLine] = []
        self.images = 0
        self.is_page = True
        self._seen: set[bytes] = set()

    def add(self, values: NDArray[Any]) -> None:
        """Read an image by each of its windows."""
        digest = Frame(0, values).digest
        if digest in self._seen:
            return
        self._seen.add(digest)
        self.images += 1

        views: list[View] = [values]
        if values.ndim == 2:
            views = grey_views(values)
        lines: list[TextLine] = []
        for view in views:
            lines += read_lines(view)

        self.lines += lines
        if self.is_page and views:
            from deidflow.burned.pages import is_page

            first = views[0]
            self.is_page = is_page(first, lines)
