"""How doubtful a series is: by its state, and by how near its figures are to their limits."""

from __future__ import annotations

import math

from deidflow.report.facts import SeriesFacts
from deidflow.report.gate_chart import gate_figures
from deidflow.report.words import FigureWords, figure_words

HELD_RISK = 0.5
"""A series in quarantine shows nothing to anybody: what is published and doubtful comes first."""
WHOLE_RISK = 0.9
"""Released with all its pixels although faces are removed: the worst mistake there could be."""
MASKED = frozenset(("defaced", "no face in view", "already defaced"))
WHOLE = frozenset(("not a head", "spared by a rule"))


def risk_of(series: SeriesFacts) -> float:
    """How doubtful a series is: by how near its figures are to their limits."""
    if not series.is_released:
        return HELD_RISK
    if series.state in WHOLE:
        return WHOLE_RISK
    explained = figure_words()
    risks = [0.0]
    for name, value in gate_figures(series).items():
        if name in explained:
            risks.append(_nearness(explained[name], value))
    return round(max(risks), 3)


def _nearness(words: FigureWords, value: float) -> float:
    """0 far from every limit, 1 at a limit or beyond it."""
    if math.isnan(value):
        return 1.0
    if words.least is None and words.most is not None:
        scale = max(words.most, 1e-9)
        return _clipped(value / scale)
    if words.most is None and words.least is not None:
        return _above(words.least, value)
    return 0.0


def _above(least: float, value: float) -> float:
    """Nearness to a lower limit: a share is full at 1, anything else counts as safe at twice it."""
    safe = 1.0 if least < 1.0 else 2 * least
    whole = max(safe - least, 1e-9)
    room = (value - least) / whole
    return _clipped(1.0 - room)


def _clipped(share: float) -> float:
    return min(1.0, max(0.0, share))
