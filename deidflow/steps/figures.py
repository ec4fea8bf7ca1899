"""Figures of the face room as records keep them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from deidflow.face.candidate import Refused
from deidflow.steps.results import RefusedHead

_DECIMALS = 4


def numbers(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Figures as numbers of JSON; what is not a number is null."""
    numbers: dict[str, float | None] = {}
    for name, value in figures.items():
        is_number = not math.isnan(value)
        numbers[name] = round(float(value), _DECIMALS) if is_number else None
    return numbers


def refused_head(candidate: Refused) -> RefusedHead:
    """A refused head as the record of the step keeps it."""
    return RefusedHead(
        series=candidate.series,
        reason=candidate.reason,
        detail=candidate.detail,
        figures=numbers(candidate.figures),
    )
