"""Verify: the staged session read again as an outsider would, before it may be published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deidflow.checks.leaks import ANOTHERS, LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.checks.shared import SharedValues
from deidflow.checks.source import SourceFile, read_source
from deidflow.checks.staged import (
    LEAK,
    ExpectedSeries,
    Finding,
    check_names,
    check_others,
    check_series,
)
from deidflow.dicom.attributes import DATES, identifier_kinds
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.identity.neighbours import Neighbours
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder, read_order
from deidflow.steps.common import WHOLE, is_withheld


@dataclass(frozen=True)
class Claims:
    """What a profile promises to take away: what it keeps is no leak."""

    kinds: frozenset[str]
    uids: bool
    kept: tuple[int, ...]
    """Identifying attributes that stay as they are."""

    @property
    def words(self) -> list[object]:
        """The same in a fixed order, for the key of the step."""
        return [sorted(self.kinds), self.uids, list(self.kept)]

    @classmethod
    def of(cls, profile: Profile) -> Claims:
        """The claims of a profile."""
        rules = compile_profile(profile)
        stays = ("keep", "retain", "replace")
        kept = tuple(tag for tag in identifier_kinds() if rules.for_tag(tag, "LO").action in stays)
        dated = DATES if profile.dates.mode == "keep" else frozenset()
        uids = profile.base == "ps315" and "retain_uids" not in profile.options
        return cls(frozenset(profile.search) - (dated - {"birth"}), uids, kept)


@dataclass(frozen=True)
class VerifyJob:
    """One staged session to check, and what it is checked against."""

    order: Path
    label: str
    staged: Path
    masks: Path
    scratch: Path
    neighbours: Path
    """Folder with what is known of everybody else in the run."""
    states: dict[str, str]
    """What `reconstruct` made of each series; the withheld ones are left out."""
    claims: Claims


def states_of(outcome: dict[str, Any]) -> dict[str, str]:
    """The state of each series that is staged."""
    series = outcome["series"].items()
    return {name: result["state"] for name, result in series if not is_withheld(result)}


def verify_session(job: VerifyJob) -> dict[str, Any]:
    """Findings of the outsider; an empty list lets the session go out.

    `doubtful` counts single words of other people's names by attribute: they hold nothing back.
    """
    order = read_order(job.order)
    session = order.session(job.label)
    expected = _expected(order, session, job)
    search = _search(order, job, [source for series in expected for source in series.sources])

    findings = check_names(job.staged, expected)
    for series in expected:
        findings += _checked(job.staged / series.name, series, search)
    findings += check_others(job.staged, search)

    rows = [asdict(finding) for finding in findings]
    return {"findings": rows, "doubtful": dict(sorted(search.doubtful.items()))}


def _search(order: WorkOrder, job: VerifyJob, sources: Sequence[SourceFile]) -> LeakSearch:
    claims = job.claims
    kept = {value for source in sources for value in source.kept}
    uids = {uid for source in sources for uid in source.uids} if claims.uids else set()
    neighbours = Neighbours(job.neighbours, bytes.fromhex(order.hash_key))
    return LeakSearch(
        own=OwnIdentifiers.of(_claimed(order.identifiers, claims, kept)),
        ours=Ours(frozenset((order.pseudonym, job.label))),
        cohort=neighbours.cohort(claims.kinds, with_uids=claims.uids),
        uids=frozenset(uids),
        shared=SharedValues(neighbours.files_of_others(order.pseudonym)),
    )


def _claimed(
    pairs: Iterable[tuple[str, str]], claims: Claims, kept: set[str]
) -> list[tuple[str, str]]:
    return [
        (kind, value) for kind, value in pairs if kind in claims.kinds and value.strip() not in kept
    ]


def _expected(order: WorkOrder, session: SessionOrder, job: VerifyJob) -> list[ExpectedSeries]:
    """What each staged series must be; reads the headers of its sources."""
    return [
        ExpectedSeries(
            series.name,
            _sources(order, series, job.claims),
            None if job.states[series.name] in WHOLE else job.masks / f"{series.name}.npz",
            job.scratch,
        )
        for series in session.series
        if series.name in job.states
    ]


def _sources(order: WorkOrder, series: SeriesOrder, claims: Claims) -> tuple[SourceFile, ...]:
    keep = frozenset(claims.kept)
    return tuple(read_source(Path(order.source) / file.path, keep) for file in series.files)


def _checked(folder: Path, expected: ExpectedSeries, search: LeakSearch) -> list[Finding]:
    try:
        return check_series(folder, expected, search)
    except (ValueError, KeyError, AttributeError, RuntimeError, IndexError) as error:
        return [Finding(expected.name, f"cannot be read again: {type(error).__name__}", 1)]


def words_of(findings: Sequence[dict[str, Any]]) -> str:
    """Findings in words that say which attribute and whose identifier, never the value."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for finding in findings:
        counts[finding["attribute"], finding["whose"], finding["what"]] += finding["count"]
    return "; ".join(f"{_phrase(*row)} ({count} ×)" for row, count in sorted(counts.items()))


def _phrase(attribute: str, whose: str, what: str) -> str:
    if not attribute:
        return what
    kind = _KINDS.get(what.removeprefix(f"{LEAK}: "), "an identifier")
    owner = "of another patient" if whose == ANOTHERS else "of this patient"
    return f"{attribute} holds {kind} {owner}"


_KINDS = {
    "name": "a name",
    "staff": "a name of staff",
    "id": "an ID",
    "number": "a number",
    "contact": "an address or telephone number",
    "text": "a place or device",
    "birth": "the birth date",
    "date": "a date",
    "uid": "a UID",
}
