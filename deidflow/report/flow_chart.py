"""The way of files as an SVG chart: from what was found, by verdict, to the reasons."""

from __future__ import annotations

from dataclasses import dataclass

from deidflow.report.facts import Counts
from deidflow.report.words import reason_words
from deidflow.verdicts import Verdict

_WIDTH = 1040
_BAR = 10
_PITCH = 21
_GAP = 14
_LEAST = 1.5
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


class _Drawing:
    """A chart while it grows, from top to bottom."""

    def __init__(self, counts: Counts) -> None:
        self.bars: list[Bar] = []
        self.bands: list[Band] = []
        self.counts = counts
        rows = len(counts.reasons) + len(Verdict)
        self.scale = max(170.0, 9.0 * rows) / max(1, counts.files)

    def thickness(self, files: int) -> float:
        return max(_LEAST, files * self.scale)


def flow_chart(counts: Counts) -> FlowChart:
    """The chart of a run's counts; verdicts without a file are left out."""
    drawing = _Drawing(counts)
    verdicts = [verdict for verdict in Verdict if counts.of(verdict)]
    total = sum(drawing.thickness(counts.of(verdict)) for verdict in verdicts)
    verdict_y = 8.0
    reason_y = 8.0
    source_y = 8.0

    for verdict in verdicts:
        files = counts.of(verdict)
        thickness = drawing.thickness(files)
        bar = Bar(_MIDDLE, verdict_y, thickness, verdict.value, verdict.value, files)
        drawing.bars.append(bar)
        path = _band(_LEFT + _BAR, source_y, _MIDDLE, verdict_y, thickness)
        drawing.bands.append(Band(path, verdict.value))
        reason_y = _add_reasons(drawing, verdict, verdict_y, max(reason_y, verdict_y - 4))
        source_y += thickness
        verdict_y = max(verdict_y + thickness, reason_y - _PITCH) + _GAP

    found = Bar(_LEFT, 8.0, total, "", "found", counts.files)
    height = int(max(verdict_y, reason_y, total)) + 12
    return FlowChart(_WIDTH, height, (found, *drawing.bars), tuple(drawing.bands))


def _add_reasons(drawing: _Drawing, verdict: Verdict, start: float, top: float) -> float:
    """Draw the reasons of one verdict, most files first; returns where the next ones may start."""
    rows = [row for row in drawing.counts.reasons if row.verdict == verdict.value]
    rows.sort(key=lambda row: -row.files)
    begin = start
    for row in rows:
        thickness = drawing.thickness(row.files)
        bar = Bar(_RIGHT, top, thickness, verdict.value, reason_words(row.reason), row.files)
        drawing.bars.append(bar)
        path = _band(_MIDDLE + _BAR, begin, _RIGHT, top, thickness)
        drawing.bands.append(Band(path, verdict.value))
        begin += thickness
        top += max(_PITCH, thickness + _PITCH / 3)
    return top


def _band(x0: float, y0: float, x1: float, y1: float, thickness: float) -> str:
    """A band between two bars that leaves and arrives level."""
    middle = (x0 + x1) / 2
    upper = f"M{x0:.1f},{y0:.1f} C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
    below0 = y0 + thickness
    below1 = y1 + thickness
    back = f"C{middle:.1f},{below1:.1f} {middle:.1f},{below0:.1f} {x0:.1f},{below0:.1f}"
    return f"{upper} L{x1:.1f},{below1:.1f} {back} Z"
