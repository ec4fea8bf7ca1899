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


def held_by_urgency(groups: Iterable[HeldGroup]) -> dict[Urgency, tuple[HeldReason, ...]]:
    """Reasons by urgency, most urgent first, then by files; empty urgencies are left out."""
    by_reason: dict[tuple[str, str], list[HeldGroup]] = {}
    for group in groups:
        by_reason.setdefault((group.verdict, group.reason), []).append(group)

    sections: dict[Urgency, list[HeldReason]] = {}
    for (verdict, reason), members in by_reason.items():
        advice = advice_for(reason)
        urgency = min(advice.urgency, Urgency.SOON) if _is_failed(verdict) else advice.urgency
        members.sort(key=lambda group: -len(group.paths))
        held = HeldReason(verdict, reason, reason_words(reason), advice, tuple(members))
        sections.setdefault(urgency, []).append(held)

    ordered = {}
    for urgency in sorted(sections):
        reasons = sorted(sections[urgency], key=lambda held: -held.files)
        ordered[urgency] = tuple(reasons)
    return ordered


def _is_failed(verdict: str) -> bool:
    return verdict == Verdict.FAILED.value
