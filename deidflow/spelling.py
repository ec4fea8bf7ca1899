"""Suggestions for misspelt names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(wrong: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The end of a message that suggests the nearest known name; empty if none is near.

    `cutoff` is the least similarity of a suggestion, from 0 to 1.
    """
    nearest = difflib.get_close_matches(
        wrong,
        list(known),
        n=1,
        cutoff=cutoff,
    )
    if not nearest:
        return ""
    return f"; did you mean '{nearest[0]}'?"
