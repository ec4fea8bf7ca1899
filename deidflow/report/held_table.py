"""What is not released, most urgent first, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deidflow.report.facts import HeldGroup
from deidflow.report.words import Advice, Urgency, advice_for, reason_words
from deidflow.verdicts import Verdict


@dataclass(frozen=True)
class HeldReason:
    """Everything that is held for one reason."""

    verdict: str
    reason: str
    words: str
    advice: Advice
    groups: tuple[HeldGroup, ...]

    @property
    def files(self) -> int:
        """Files held for this reason."""
        return sum(len(group.paths) for group in self.groups)

    @property
    def urgency(self) -> Urgency:
        """How soon somebody has to look; what failed is never without something to do."""
        if self.verdict == Verdict.FAILED.value:
            return min(self.advice.urgency, Urgency.SOON)
        return self.advice.urgency


def held_by_urgency(groups: Iterable[HeldGroup]) -> dict[Urgency, tuple[HeldReason, ...]]:
    """Reasons by urgency, most urgent first, then by files; empty urgencies are left out."""
    reasons = held_reasons(groups)
    reasons.sort(key=lambda held: -held.files)
    sections = {}
    for urgency in Urgency:
        members = [held for held in reasons if held.urgency is urgency]
        if members:
            sections[urgency] = tuple(members)
    return sections


def held_reasons(groups: Iterable[HeldGroup]) -> list[HeldReason]:
    """Groups by verdict and reason, the largest group of each first."""
    by_reason: dict[tuple[str, str], list[HeldGroup]] = {}
    for group in groups:
        key = (group.verdict, group.reason)
        by_reason.setdefault(key, []).append(group)

    reasons = []
    for (verdict, reason), members in by_reason.items():
        members.sort(key=lambda group: -len(group.paths))
        held = HeldReason(
            verdict=verdict,
            reason=reason,
            words=reason_words(reason),
            advice=advice_for(reason),
            groups=tuple(members),
        )
        reasons.append(held)
    return reasons
