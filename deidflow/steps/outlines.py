"""Outlines in structured reports: that of a body shows a face (PS3.3 C.18.6, C.18.9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from deidflow.errors import Withheld
from deidflow.verdicts import Reason

_DIMENSIONS = {"SCOORD": 2, "SCOORD3D": 3}
_MEASURED_POINTS = 6
"""A line has two points, an ellipse four, an ellipsoid six: so few show no shape."""
_MOST_POINTS = 32


def refuse_outlines(headers: Iterable[Path]) -> None:
    """Raise Withheld where a report of a series has outlines of more than 32 points together."""
    for path in headers:
        header = pydicom.dcmread(path)
        if sum(_outlines(header)) > _MOST_POINTS:
            raise Withheld(Reason.OUTLINE)


def _outlines(header: Dataset) -> Iterator[int]:
    """The number of points of each outline in a content tree."""
    items = [header]
    while items:
        item = items.pop()
        items += item.get("ContentSequence") or ()
        dimensions = _DIMENSIONS.get(
            str(item.get("ValueType")),
            2,
        )
        points = len(item.get("GraphicData") or ()) // dimensions
        if points > _MEASURED_POINTS:
            yield points
