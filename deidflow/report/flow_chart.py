"""The way of files as an SVG chart: from what was found, by verdict, to the reasons."""

from __future__ import annotations

from dataclasses import dataclass

from deidflow.report.facts import Counts, ReasonCount
from deidflow.report.words import reason_words
from deidflow.verdicts import Verdict

_WIDTH = 1040
_BAR = 10
_TOP = 8.0
_PITCH = 21.0
"""Pixels from one label to the next."""
_GAP = 14.0
_LEAST = 1.5
_HEIGHT = 170.0
_HEIGHT_PER_ROW = 9.0
_LEFT, _MIDDLE, _RIGHT = 118, 430, 640


@dataclass(frozen=True)
class Band:
    """One flow, as a closed path from a bar to another."""

    path: str
    verdict: str


@dataclass(frozen=True)
class Bar:
    """One end of flows, with its label."""

    x: float
    y: float
    height: float
    verdict: str
    label: str
    files: int


@dataclass(frozen=True)
class FlowChart:
    """Everything to draw; coordinates in pixels of a picture of this size."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    bands: tuple[Band, ...]


def flow_chart(counts: Counts) -> FlowChart:
    """The chart of a run's counts; verdicts without a file are left out."""
    drawing = _Drawing(counts)
    for verdict in Verdict:
        if counts.of(verdict):
            drawing.add_verdict(verdict)
    return drawing.finished()


class _Drawing:
    """A chart that grows from top to bottom."""

    def __init__(self, counts: Counts) -> None:
        rows = len(counts.reasons) + len(Verdict)
        height = max(_HEIGHT, _HEIGHT_PER_ROW * rows)
        self._counts = counts
        self._scale = height / max(1, counts.files)
        self._bars: list[Bar] = []
        self._bands: list[Band] = []
        self._source_y = _TOP
        self._verdict_y = _TOP
        self._reason_y = _TOP

    def add_verdict(self, verdict: Verdict) -> None:
        """Draw the bar of a verdict, the band that leads to it, and its reasons."""
        files = self._counts.of(verdict)
        thickness = self._thickness(files)
        top = self._verdict_y
        self._add_bar(
            _MIDDLE,
            top,
            verdict,
            verdict.value,
            files,
        )
        self._add_band(
            verdict,
            _LEFT,
            self._source_y,
            _MIDDLE,
            top,
            thickness,
        )
        self._source_y += thickness

        # Reasons start beside their verdict, or below those of the verdict before.
        self._reason_y = max(self._reason_y, top - 4)
        begin = top
        for row in self._reasons_of(verdict):
            begin = self._add_reason(verdict, row, begin)
        below_reasons = self._reason_y - _PITCH
        self._verdict_y = max(top + thickness, below_reasons) + _GAP

    def finished(self) -> FlowChart:
        """The chart, with the bar of everything that was found."""
        height = self._source_y - _TOP
        found = Bar(
            x=_LEFT,
            y=_TOP,
            height=height,
            verdict="",
            label="found",
            files=self._counts.files,
        )
        bottom = max(self._verdict_y, self._reason_y, self._source_y)

        return FlowChart(
            width=_WIDTH,
            height=int(bottom) + 12,
            bars=(found, *self._bars),
            bands=tuple(self._bands),
        )

    def _reasons_of(self, verdict: Verdict) -> list[ReasonCount]:
        rows = [row for row in self._counts.reasons if row.verdict == verdict.value]
        rows.sort(key=lambda row: -row.files)
        return rows

    def _add_reason(self, verdict: Verdict, row: ReasonCount, begin: float) -> float:
        """Draw one reason; returns where on the verdict's bar the next one begins."""
        thickness = self._thickness(row.files)
        label = reason_words(row.reason)
        self._add_bar(
            _RIGHT,
            self._reason_y,
            verdict,
            label,
            row.files,
        )
        self._add_band(
            verdict,
            _MIDDLE,
            begin,
            _RIGHT,
            self._reason_y,
            thickness,
        )
        room = thickness + _PITCH / 3
        self._reason_y += max(_PITCH, room)
        return begin + thickness

    def _thickness(self, files: int) -> float:
        return max(_LEAST, files * self._scale)

    def _add_bar(self, x: float, y: float, verdict: Verdict, label: str, files: int) -> None:
        bar = Bar(
            x=x,
            y=y,
            height=self._thickness(files),
            verdict=verdict.value,
            label=label,
            files=files,
        )
        self._bars.append(bar)

    def _add_band(
        self,
        verdict: Verdict,
        from_x: float,
        from_y: float,
        to_x: float,
        to_y: float,
        thickness: float,
    ) -> None:
        path = band_path(
            from_x + _BAR,
            from_y,
            to_x,
            to_y,
            thickness,
        )
        self._bands.append(Band(path, verdict.value))


def band_path(x0: float, y0: float, x1: float, y1: float, thickness: float) -> str:
    """A band between two bars that leaves and arrives level, as an SVG path."""
    middle = (x0 + x1) / 2
    below0 = y0 + thickness
    below1 = y1 + thickness
    parts = (
        f"M{x0:.1f},{y0:.1f}",
        f"C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}",
        f"L{x1:.1f},{below1:.1f}",
        f"C{middle:.1f},{below1:.1f} {middle:.1f},{below0:.1f} {x0:.1f},{below0:.1f}",
        "Z",
    )
    return " ".join(parts)
