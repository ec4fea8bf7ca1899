"""A series as its pixels are stored, on which people draw rectangles around text."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image as Picture

from deidflow.dicom.pixels import read_pixels
from deidflow.errors import EnvironmentFault, Withheld
from deidflow.identity.workorder import FileOrder, SeriesOrder, WorkOrder, read_order
from deidflow.release.decisions import CaseName
from deidflow.release.layout import Layout

Values = NDArray[np.float32]
_MOST_INSTANCES = 40
"""Spread over the series; text is mostly on all of its images."""
_WHITE_PERCENTILE = 99.9


def stored_picture(layout: Layout, name: CaseName) -> bytes | None:
    """The brightest of each pixel over a series' frames, as a WebP of the stored rows and columns.

    None where the vault has no orders for the series, or its source cannot be read as it was.
    """
    try:
        order = read_order(layout.order(name.subject))
    except EnvironmentFault:
        return None
    series = _series_of(order, name)
    if series is None:
        return None

    highest: Values | None = None
    for image in _images(order, series, layout.work):
        if highest is None:
            highest = image
        elif highest.shape == image.shape:
            highest = np.maximum(highest, image)
    return None if highest is None else _drawn(highest)


def _series_of(order: WorkOrder, name: CaseName) -> SeriesOrder | None:
    for session in order.sessions:
        for series in session.series:
            if (session.label, series.name) == (name.session, name.series):
                return series
    return None


def _images(order: WorkOrder, series: SeriesOrder, scratch_parent: Path) -> Iterator[Values]:
    """One image (rows, columns) per instance that can be read; colours as their mean."""
    count = min(len(series.files), _MOST_INSTANCES)
    chosen = np.linspace(0, len(series.files) - 1, count).round().astype(int)
    with tempfile.TemporaryDirectory(dir=scratch_parent) as scratch:
        for index in sorted(set(chosen.tolist())):
            content = _content(order, series.files[index])
            if content is None:
                continue
            try:
                source = pydicom.dcmread(io.BytesIO(content))
                yield _brightest(source, Path(scratch))
            except (Withheld, RuntimeError, ValueError, AttributeError, KeyError):
                continue


def _content(order: WorkOrder, file: FileOrder) -> bytes | None:
    """A source file, unless it is gone or another one now."""
    try:
        content = (Path(order.source) / file.path).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == file.sha256 else None


def _brightest(source: Any, scratch: Path) -> Values:
    cells = read_pixels(source, scratch).cells
    if source.PixelRepresentation == 1:
        cells = cells.view(f"i{cells.dtype.itemsize}")
    values = cells.astype(np.float32).mean(axis=3).max(axis=0)
    is_inverted = source.PhotometricInterpretation == "MONOCHROME1"
    picture: Values = -values if is_inverted else values
    return picture


def _drawn(values: Values) -> bytes:
    black = float(values.min())
    white = float(np.percentile(values, _WHITE_PERCENTILE))
    share = (values - black) / max(white - black, 1e-6)
    grey = np.clip(255 * share, 0, 255).astype(np.uint8)
    content = io.BytesIO()
    Picture.fromarray(grey).save(content, "webp", lossless=True)
    return content.getvalue()
