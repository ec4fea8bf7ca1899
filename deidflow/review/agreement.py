"""Whether people decide the same when a case is shown to them a second time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deidflow.release.decisions import Action, Decision

Pair = tuple[Action, Action]


@dataclass(frozen=True)
class Agreement:
    """How often the second look at a case ended as the first."""

    pairs: int
    same: int
    kappa: float
    """Cohen's kappa; not a number where every answer was the same, or there was none."""

    @property
    def words(self) -> str:
        """For a line on a terminal or page."""
        if not self.pairs:
            return "no case was decided twice"
        told = f"{self.same} of {self.pairs} second looks agree"
        return told if math.isnan(self.kappa) else f"{told}, kappa {self.kappa:.2f}"


def agreement_of(histories: Iterable[Sequence[Decision]]) -> Agreement:
    """Agreement of first and second looks at the same files, over all cases that have both.

    J. Cohen, A coefficient of agreement for nominal scales, 1960: (observed - expected) /
    (1 - expected), where both looks are two raters with the decisions as categories.
    """
    pairs = []
    for decisions in histories:
        pair = _pair(decisions)
        if pair is not None:
            pairs.append(pair)

    same = sum(first is second for first, second in pairs)
    return Agreement(
        pairs=len(pairs),
        same=same,
        kappa=_kappa(pairs, same),
    )


def _pair(decisions: Sequence[Decision]) -> Pair | None:
    """The answers of the last first look and the last second look, at the same files."""
    firsts = [decision for decision in decisions if not decision.again]
    seconds = [decision for decision in decisions if decision.again]
    for second in reversed(seconds):
        for first in reversed(firsts):
            if first.outputs == second.outputs:
                return first.action, second.action
    return None


def _kappa(pairs: Sequence[Pair], same: int) -> float:
    if not pairs:
        return math.nan
    total = len(pairs)
    firsts = Counter(first for first, _ in pairs)
    seconds = Counter(second for _, second in pairs)
    expected = sum(firsts[action] * seconds[action] for action in firsts) / total**2
    if expected == 1:
        return math.nan
    return (same / total - expected) / (1 - expected)
