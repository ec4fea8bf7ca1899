"""The persons under one PatientID: the patient whom it means, and others who have it by mistake."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from deidflow.dicom.demographics import Demographics, Known
from deidflow.dicom.instance import Instance

_ID_KEY = "id||"
_NO_DAY = "9"
"""Sorts after every date."""


class Member(NamedTuple):
    """An instance with its locator and content hash."""

    path: str
    sha256: str
    instance: Instance


@dataclass(frozen=True)
class Person:
    """The instances of one person, under a key of its own."""

    key: str
    members: Sequence[Member]
    is_stranger: bool
    """Whether this is not the patient whom the PatientID means."""


@dataclass
class _Part:
    """Instances that can be of one person."""

    demographics: list[Demographics] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    is_known: bool = False

    @property
    def studies(self) -> set[str]:
        return {member.instance.study_uid for member in self.members}

    @property
    def issuers(self) -> set[str]:
        return {row.issuer for row in self.demographics if row.issuer}

    @property
    def rank(self) -> tuple[bool, int, str, str]:
        """The lowest is the patient whom the PatientID means."""
        uids: set[str] = set()
        days: set[str] = set()
        for member in self.members:
            uids.add(member.instance.sop_uid)
            days.add(member.instance.study_date)
        days.discard("")

        first_day = min(days, default=_NO_DAY)
        first_study = min(self.studies, default="")
        return not self.is_known, -len(uids), first_day, first_study

    def takes(self, other: _Part) -> bool:
        """Whether the other part can be of the same person."""
        pairs = list(product(self.demographics, other.demographics))
        if any(ours.contradicts(theirs) for ours, theirs in pairs):
            return False
        if not self.is_issued_apart(other):
            return True
        return any(ours.agrees(theirs) for ours, theirs in pairs)

    def is_issued_apart(self, other: _Part) -> bool:
        """Whether both have issuers, none in common, and no study in common."""
        if not self.issuers or not other.issuers:
            return False
        if not self.issuers.isdisjoint(other.issuers):
            return False
        return self.studies.isdisjoint(other.studies)

    def add(self, other: _Part) -> None:
        """Take the instances of another part."""
        self.demographics += other.demographics
        self.members += other.members


def persons_of(base: str, members: Sequence[Member], known: Known) -> Iterator[Person]:
    """Each person among instances with one key `base`, the one whom the key means first."""
    parts = _parts(members)
    main_key, demographics = _known_key(base, parts, known)
    if demographics is not None:
        vault_part = _Part([demographics], is_known=True)
        parts.insert(0, vault_part)
    main, *others = sorted(_merged(parts), key=_rank)
    yield Person(
        main_key,
        main.members,
        is_stranger=False,
    )

    accepted = [main]
    for number, part in enumerate(others, 1):
        key = _key_by_issuer(
            base,
            part,
            accepted,
            known,
        )
        if key:
            accepted.append(part)
        yield Person(
            key=key or f"{base}|stranger {number}",
            members=part.members,
            is_stranger=not key,
        )


def _rank(part: _Part) -> tuple[bool, int, str, str]:
    return part.rank


def _key_by_issuer(base: str, part: _Part, accepted: Sequence[_Part], known: Known) -> str:
    """The key of a person whose issuer gave the same PatientID again; empty for a stranger."""
    if not base.startswith(_ID_KEY):
        return ""
    if not all(map(part.is_issued_apart, accepted)):
        return ""
    key = _issued(base, min(part.issuers))
    earlier = known(key)
    if earlier is None:
        return key
    contradicted = any(map(earlier.contradicts, part.demographics))
    return "" if contradicted else key


def _parts(members: Sequence[Member]) -> list[_Part]:
    """Members with the same demographics, those with most instances first."""
    parts: defaultdict[Demographics, _Part] = defaultdict(_Part)
    for member in members:
        demographics = Demographics.of(member.instance)
        parts[demographics].members.append(member)
    for demographics, part in parts.items():
        part.demographics.append(demographics)
    return sorted(parts.values(), key=_rank)


def _merged(parts: Sequence[_Part]) -> list[_Part]:
    """Parts of one person put together, those with a study in common first."""
    merged: list[_Part] = []
    for part in parts:
        fitting = [other for other in merged if other.takes(part)]
        sharing = [other for other in fitting if other.studies & part.studies]
        best = sharing or fitting
        if best:
            best[0].add(part)
        else:
            merged.append(part)
    return merged


def _known_key(base: str, parts: Sequence[_Part], known: Known) -> tuple[str, Demographics | None]:
    """The key under which the vault knows the patient, with an issuer or without; else `base`."""
    keys = [base]
    if base.startswith(_ID_KEY):
        issuers: set[str] = set()
        for part in parts:
            issuers |= part.issuers
        for issuer in sorted(issuers):
            keys.append(_issued(base, issuer))

    for key in keys:
        demographics = known(key)
        if demographics is not None:
            return key, demographics
    return base, None


def _issued(base: str, issuer: str) -> str:
    patient_id = base.removeprefix(_ID_KEY)
    return f"id|{issuer}|{patient_id}"
