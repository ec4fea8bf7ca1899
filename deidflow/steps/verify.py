"""Verify: the staged session read again as an outsider would, before it may be published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from deidflow.dicom.instance import DATES, IDENTIFIER_TAGS
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.identity.neighbours import Neighbours
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder
from deidflow.states import WHOLE
from deidflow.steps.results import Held, ReconstructResult
from deidflow.steps.step import Step, StepJob


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
        kept = tuple(tag for tag in IDENTIFIER_TAGS if rules.for_tag(tag, "LO").action in stays)
        dated = DATES if profile.dates.mode == "keep" else frozenset()
        uids = profile.base == "ps315" and "retain_uids" not in profile.options
        return cls(frozenset(profile.search) - (dated - {"birth"}), uids, kept)


@dataclass(frozen=True)
class VerifyResult:
    """What the outsider found; the session goes out where it found nothing."""

    findings: tuple[Finding, ...]
    doubtful: Mapping[str, int]
    """Attribute -> single words of other people's names, which hold nothing back."""


def verify_session(job: StepJob) -> VerifyResult:
    """Read the staged session as an outsider would, and compare it with its source."""
    order, session = job.read_order()
    built = job.output("reconstruct", ReconstructResult)
    claims = Claims.of(job.profile)
    expected = _expected(job, order, session, claims)
    sources = [source for series in expected for source in series.sources]
    search = _search(job, order, claims, sources)

    findings = check_names(built.folder, expected)
    for series in expected:
        findings += _checked(built.folder / series.name, series, search)
    findings += check_others(built.folder, search)
    return VerifyResult(tuple(findings), dict(sorted(search.doubtful.items())))


def _search(
    job: StepJob, order: WorkOrder, claims: Claims, sources: Sequence[SourceFile]
) -> LeakSearch:
    kept = {value for source in sources for value in source.kept}
    uids = {uid for source in sources for uid in source.uids} if claims.uids else set()
    neighbours = Neighbours(job.layout.neighbours, bytes.fromhex(order.hash_key))
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


def _expected(
    job: StepJob, order: WorkOrder, session: SessionOrder, claims: Claims
) -> list[ExpectedSeries]:
    """What each staged series must be; reads the headers of its sources."""
    built = job.output("reconstruct", ReconstructResult).result.series
    expected = []
    for series in session.series:
        row = built[series.name]
        if isinstance(row, Held):
            continue
        masks = None if row.state in WHOLE else job.masks / f"{series.name}.npz"
        sources = _sources(order, series, claims)
        expected.append(ExpectedSeries(series.name, sources, masks, job.scratch))
    return expected


def _sources(order: WorkOrder, series: SeriesOrder, claims: Claims) -> tuple[SourceFile, ...]:
    keep = frozenset(claims.kept)
    return tuple(read_source(Path(order.source) / file.path, keep) for file in series.files)


def _checked(folder: Path, expected: ExpectedSeries, search: LeakSearch) -> list[Finding]:
    try:
        return check_series(folder, expected, search)
    except (ValueError, KeyError, AttributeError, RuntimeError, IndexError) as error:
        return [Finding(expected.name, f"cannot be read again: {type(error).__name__}", 1)]


def words_of(findings: Sequence[Finding]) -> str:
    """Findings in words that say which attribute and whose identifier, never the value."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for finding in findings:
        counts[finding.attribute, finding.whose, finding.what] += finding.count
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


def _key(job: StepJob) -> list[Any]:
    return [job.content, Claims.of(job.profile).words]


def _has_something(job: StepJob) -> bool:
    return job.output("reconstruct", ReconstructResult).result.has_something


VERIFY = Step(
    name="verify",
    needs=("reconstruct",),
    key=_key,
    work=verify_session,
    result=VerifyResult,
    tools=("pydicom",),
    data=(
        "standard/defined_terms.yaml",
        "standard/safe_private_e3_10_1.csv",
        "standard/sidecar_fields.yaml",
        "private/physics.yaml",
        "vocabulary/acquisition.yaml",
        "vocabulary/image_tokens.yaml",
        "vocabulary/not_identifying.yaml",
        "vocabulary/romanisation.yaml",
    ),
    applies=_has_something,
)
