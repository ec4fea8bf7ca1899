"""The lines of text in an image: found and read by RapidOCR, whose models are in its wheel.

A large image is read in overlapping tiles, enlarged so that letters of 10 pixels are as large as
the models expect. Tiles that show one value are skipped. The ground is continued beyond the edges
of an image, for the detector misses lines that touch them; and what cannot be read is turned, for
the models read upright lines only.
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
_SURE_SCORE = 0.8
"""What is read with less may be upside down."""
_MARGIN, _GROUND = 16, 24
"""Pixels added around an image, and how many at its edge say what the ground is."""
_SMOOTHED = 25
"""Pixels over which the ground is made smooth; odd."""
SETTINGS = (_TILE, _OVERLAP, _ENLARGED, _LEAST_SCORE, _SURE_SCORE, _MARGIN, _GROUND, _SMOOTHED)
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
    """The lines of text in an image of shape (rows, columns, 3), 8 bits a sample.

    Upright, upside down, or turned by 90 degrees.
    """
    if not _differs(view):
        return []

    lines: list[TextLine] = []
    for top, left, tile in _tiles(_with_margin(view)):
        if not _differs(tile):
            continue
        for line in _read(tile):
            placed = _placed(
                line,
                top - _MARGIN,
                left - _MARGIN,
                view.shape,
            )
            lines.append(placed)
    return lines


def _differs(view: View) -> bool:
    """Whether an image shows more than one value."""
    return bool((view != view[0, 0]).any())


def _with_margin(view: View) -> View:
    """The image with its ground continued: medians of the pixels at its edges, without noise."""
    import cv2

    margins = ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0))
    padded: View = np.pad(
        view,
        margins,
        mode="median",
        stat_length=_GROUND,
    )
    for strip in (
        padded[:_MARGIN],
        padded[-_MARGIN:],
        padded[:, :_MARGIN],
        padded[:, -_MARGIN:],
    ):
        strip[:] = cv2.medianBlur(np.ascontiguousarray(strip), _SMOOTHED)
    return padded


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
    engine = _engine()
    boxes, _ = engine.text_det(enlarged)
    if boxes is None or not len(boxes):
        return []

    ordered = engine.sorted_boxes(boxes)
    crops = engine.get_crop_img_list(enlarged, ordered)
    readings = _recognised(engine, crops)
    lines = []
    for corners, (text, score) in zip(ordered, readings, strict=True):
        if score >= _LEAST_SCORE:
            points = np.array(corners) / _ENLARGED
            line = _line(points, text, score)
            lines.append(line)
    return lines


def _recognised(engine: Any, crops: Sequence[View]) -> list[tuple[str, float]]:
    """What each crop says, and how sure that is; what is doubtful is also read upside down."""
    upright = _texts(engine, crops)
    doubtful = [place for place, (_, score) in enumerate(upright) if score < _SURE_SCORE]
    turned = _texts(engine, [np.rot90(crops[place], 2) for place in doubtful])

    best = list(upright)
    for place, reading in zip(doubtful, turned, strict=True):
        _, score = reading
        if score > best[place][1]:
            best[place] = reading
    return best


def _texts(engine: Any, crops: Sequence[View]) -> list[tuple[str, float]]:
    if not crops:
        return []
    rows, _ = engine.text_rec(list(crops))
    return [(str(text), float(score)) for text, score, *_ in rows]


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


def _placed(line: TextLine, top: int, left: int, shape: tuple[int, ...]) -> TextLine:
    """A line of a tile in an image of that shape, which begins at a row and a column of it."""
    first_row, last_row = np.clip((line.top + top, line.top + top + line.rows), 0, shape[0])
    first_column, last_column = np.clip(
        (line.left + left, line.left + left + line.columns), 0, shape[1]
    )
    return TextLine(
        text=line.text,
        score=line.score,
        top=int(first_row),
        left=int(first_column),
        rows=int(last_row - first_row),
        columns=int(last_column - first_column),
    )


def load_models() -> None:
    """Load what reads now, for all processes that are forked from this one."""
    _engine()


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
