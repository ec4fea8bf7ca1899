"""Whose a study or series is: the patient with most of its instances."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from deidflow.dicom.persons import Member
from deidflow.verdicts import Reason, Verdict

Decision = tuple[Verdict, Reason]
_MIXED = (Verdict.QUARANTINED, Reason.MIXED_PATIENTS)


def by_uid(uid_of: Callable[[Member], str], members: Sequence[Member]) -> dict[str, list[Member]]:
    """Members by one of their UIDs."""
    groups: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        uid = uid_of(member)
        groups[uid].append(member)
    return groups


def minorities(members: Sequence[Member], owners: dict[str, str]) -> dict[str, Decision]:
    """Decisions on instances in a study or series that belongs to another patient."""
    decisions: dict[str, Decision] = {}
    kept = list(members)
    for uid_of in (study_uid, series_uid):
        majority = _majorities(kept, owners, uid_of)
        remaining: list[Member] = []
        for member in kept:
            owner = owners[member.path]
            if majority[uid_of(member)] == owner:
                remaining.append(member)
            else:
                decisions[member.path] = _MIXED
        kept = remaining
    return decisions


def study_uid(member: Member) -> str:
    return member.instance.study_uid


def series_uid(member: Member) -> str:
    return member.instance.series_uid


def _majorities(
    members: Sequence[Member], owners: dict[str, str], uid_of: Callable[[Member], str]
) -> dict[str, str | None]:
    """UID -> the patient with most of its instances; None if two have the same number."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for member in members:
        owner = owners[member.path]
        counts[uid_of(member)][owner] += 1

    majority: dict[str, str | None] = {}
    for uid, owned in counts.items():
        (first, most), *others = owned.most_common(2)
        majority[uid] = first
        if others and others[0][1] == most:
            majority[uid] = None
    return majority
