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
    is_carried = series.how not in ("", "reference")
    if is_carried and "contrast" in figures:
        figures["carried_contrast"] = figures.pop("contrast")
    if "others_mm" in figures:
        figures.pop("brain_dice", None)
    front = figures.get("front_pixels", _FEWEST_FRONT_PIXELS)
    if front < _FEWEST_FRONT_PIXELS:
        figures.pop("face_changed", None)
    return figures


def figure_rows(series: Iterable[SeriesFacts], *, coarse: bool) -> tuple[FigureRow, ...]:
    """A row for each figure that any series has; `coarse` rounds them for pages that are shared."""
    measured = [gate_figures(row) for row in series]
    rows = []
    for name, words in figure_words().items():
        values = []
        for figures in measured:
            if name in figures:
                value = figures[name]
                shown = words.rounded(value) if coarse else value
                values.append(shown)
        if values:
            rows.append(_row(words, values))
    return tuple(rows)


def _row(words: FigureWords, values: list[float]) -> FigureRow:
    scale = _Scale.over([*values, *words.bounds])
    dots = []
    for value in sorted(set(values)):
        dot = Dot(
            percent=scale.percent(value),
            passes=words.passes(value),
        )
        dots.append(dot)

    worst = min(values, key=words.room)

    return FigureRow(
        words=words,
        values=len(values),
        worst=number(worst),
        limits=limits_in_words(words),
        passes=words.passes(worst),
        dots=tuple(dots),
        least_percent=scale.percent_of(words.least),
        most_percent=scale.percent_of(words.most),
    )


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    @classmethod
    def over(cls, values: list[float]) -> _Scale:
        low = min(values)
        high = max(values)
        span = max(high - low, 1e-9)
        padding = span * _PADDING
        return cls(low - padding, high + padding)

    def percent(self, value: float) -> float:
        span = self.high - self.low
        share = (value - self.low) / span
        return round(100 * share, 2)

    def percent_of(self, bound: float | None) -> float | None:
        return None if bound is None else self.percent(bound)


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
