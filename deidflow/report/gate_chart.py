"""Figures of the gate over all series: where each lies between its limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deidflow.report.facts import SeriesFacts
from deidflow.report.words import FigureWords, figure_words

_PADDING = 0.08
_FEWEST_FRONT_PIXELS = 200


@dataclass(frozen=True)
class Dot:
    """One series on the scale of a figure, in percent of its width."""

    percent: float
    passes: bool


@dataclass(frozen=True)
class FigureRow:
    """One figure of all series."""

    words: FigureWords
    values: int
    worst: str
    """The value nearest to its limit, or furthest beyond it."""
    limits: str
    passes: bool
    dots: tuple[Dot, ...]
    least_percent: float | None
    most_percent: float | None


def gate_figures(series: SeriesFacts) -> dict[str, float]:
    """The figures of a series that bind it, by the names under which they are explained.

    A series whose mask was carried has another limit for its contrast. On CT the overlap of brains
    decides, or else the agreement with other engines. Few pixels of the front prove no change.
    """
    figures = dict(series.figures)
    if series.how and series.how != "reference" and "contrast" in figures:
        figures["carried_contrast"] = figures.pop("contrast")
    if "others_mm" in figures:
        figures.pop("brain_dice", None)
    if figures.get("front_pixels", _FEWEST_FRONT_PIXELS) < _FEWEST_FRONT_PIXELS:
        figures.pop("face_changed", None)
    return figures


def figure_rows(series: Iterable[SeriesFacts], *, coarse: bool) -> tuple[FigureRow, ...]:
    """A row for each figure that any series has; `coarse` rounds them for pages that are shared."""
    measured = [gate_figures(row) for row in series]
    rows = []
    for words in figure_words().values():
        values = [figures[words.name] for figures in measured if words.name in figures]
        if coarse:
            values = [words.rounded(value) for value in values]
        if values:
            rows.append(_row(words, values))
    return tuple(rows)


def _row(words: FigureWords, values: list[float]) -> FigureRow:
    bounds = [bound for bound in (words.least, words.most) if bound is not None]
    low = min(*values, *bounds)
    high = max(*values, *bounds)
    span = max(high - low, 1e-9)
    scale = _Scale(low - span * _PADDING, high + span * _PADDING)

    dots = []
    for value in sorted(set(values)):
        dots.append(Dot(scale.percent(value), words.passes(value)))
    worst = min(values, key=lambda value: _room(words, value))
    return FigureRow(
        words=words,
        values=len(values),
        worst=number(worst),
        limits=limits_in_words(words),
        passes=words.passes(worst),
        dots=tuple(dots),
        least_percent=None if words.least is None else scale.percent(words.least),
        most_percent=None if words.most is None else scale.percent(words.most),
    )


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    def percent(self, value: float) -> float:
        return round(100 * (value - self.low) / (self.high - self.low), 2)


def _room(words: FigureWords, value: float) -> float:
    """How far a value is from its nearest limit; negative beyond it."""
    room = []
    if words.least is not None:
        room.append(value - words.least)
    if words.most is not None:
        room.append(words.most - value)
    return min(room)


def limits_in_words(words: FigureWords) -> str:
    """Such as `at most 8 mm`."""
    parts = []
    if words.least is not None:
        parts.append(f"at least {number(words.least)}")
    if words.most is not None:
        parts.append(f"at most {number(words.most)}")
    text = ", ".join(parts)
    return f"{text} {words.unit}".strip()


def number(value: float) -> str:
    """A figure with as many digits as mean something."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
