"""The lines of text in an image: found and read by RapidOCR, whose models are in its wheel.

A large image is read in overlapping tiles, enlarged so that letters of 10 pixels are as large as
the models expect. Tiles that show one value are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.burned.views import View

_TILE, _OVERLAP = 640, 96
"""Pixels of a tile, and how many of them it shares with the next."""
_ENLARGED = 1.5
_LARGEST_SIDE = 2_000
_LEAST_SCORE = 0.3
"""What is read with less is texture."""
SETTINGS = (_TILE, _OVERLAP, _ENLARGED, _LEAST_SCORE)
"""Part of the key of what was read."""


@dataclass(frozen=True)
class TextLine:
    """One line: what was read, how sure the reader is (0 to 1), and where, in pixels."""

    text: str
    score: float
    top: int
    left: int
    rows: int
    columns: int


def read_lines(view: View) -> list[TextLine]:
    """The lines of text in an image of shape (rows, columns, 3), 8 bits a sample."""
    lines: list[TextLine] = []
    for top, left, tile in _tiles(view):
        differs = tile != tile[0, 0]
        if not differs.any():
            continue
        for line in _read(tile):
            placed = _placed(line, top, left)
            lines.append(placed)
    return lines


def _tiles(view: View) -> Iterator[tuple[int, int, View]]:
    rows, columns, _ = view.shape
    for top in _starts(rows):
        bottom = top + _TILE
        for left in _starts(columns):
            right = left + _TILE
            tile = view[top:bottom, left:right]
            yield top, left, tile


def _starts(length: int) -> Sequence[int]:
    """Where tiles begin along a side; the last one ends with it."""
    if length <= _TILE:
        return (0,)
    step = _TILE - _OVERLAP
    starts = list(range(0, length - _TILE, step))
    return (*starts, length - _TILE)


def _read(tile: View) -> list[TextLine]:
    import cv2

    enlarged = cv2.resize(
        tile,
        None,
        fx=_ENLARGED,
        fy=_ENLARGED,
        interpolation=cv2.INTER_CUBIC,
    )
    rows, _ = _engine()(enlarged, use_cls=False)
    lines = []
    for corners, text, score in rows or ():
        points = np.array(corners) / _ENLARGED
        line = _line(points, str(text), float(score))
        lines.append(line)
    return lines


def _line(points: NDArray[Any], text: str, score: float) -> TextLine:
    """A line by the corners (x, y) of its box."""
    left, top = np.floor(points.min(0)).astype(int)
    right, bottom = np.ceil(points.max(0)).astype(int)
    return TextLine(
        text=text,
        score=score,
        top=int(top),
        left=int(left),
        rows=int(bottom - top),
        columns=int(right - left),
    )


def _placed(line: TextLine, top: int, left: int) -> TextLine:
    return TextLine(
        text=line.text,
        score=line.score,
        top=line.top + top,
        left=line.left + left,
        rows=line.rows,
        columns=line.columns,
    )


@lru_cache(maxsize=1)
def _engine() -> Any:
    """The models, loaded once a process; one thread, so that the same image reads the same."""
    import cv2
    from rapidocr_onnxruntime import RapidOCR

    cv2.setNumThreads(1)
    return RapidOCR(
        intra_op_num_threads=1,
        inter_op_num_threads=1,
        text_score=_LEAST_SCORE,
        max_side_len=_LARGEST_SIDE,
        det_limit_side_len=32,
    )
