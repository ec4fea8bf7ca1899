"""Verify: the staged session read again as an outsider would, before it may be published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from deidflow.checks.file_search import NOT_READ
from deidflow.checks.findings import LEAK, Finding, holds
from deidflow.checks.leaks import LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.checks.pixels import BlankedPart
from deidflow.checks.series import ExpectedSeries, check_series
from deidflow.checks.shared import SharedValues
from deidflow.checks.source import SourceFile, read_source
from deidflow.checks.staged import check_names, check_others
from deidflow.dicom.attributes import DATES, identifier_kinds
from deidflow.header.completeness import keeps_uids
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.identity.neighbours import Neighbours
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder
from deidflow.states import WHOLE, TextState
from deidflow.steps.common import nifti_masks
from deidflow.steps.inspected import inspected_series
from deidflow.steps.results import Held, InspectedSeries, ReconstructResult
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
        kinds = set(profile.search)
        if profile.dates.mode == "keep":
            kinds -= DATES - {"birth"}

        return cls(
            kinds=frozenset(kinds),
            uids=not keeps_uids(profile),
            kept=_kept_tags(profile),
        )


def _kept_tags(profile: Profile) -> tuple[int, ...]:
    rules = compile_profile(profile)
    kept = []
    for tag in identifier_kinds():
        rule = rules.for_tag(tag, "LO")
        if rule.action in ("keep", "retain", "replace"):
            kept.append(tag)
    return tuple(kept)


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
    search = _search(job, order, claims, expected)

    findings = check_names(built.folder, expected)
    for series in expected:
        folder = built.folder / series.name
        findings += _checked(folder, series, search)
    findings += check_others(built.folder, search)

    doubtful = sorted(search.doubtful.items())
    return VerifyResult(
        findings=tuple(findings),
        doubtful=dict(doubtful),
    )


def _search(
    job: StepJob, order: WorkOrder, claims: Claims, expected: Sequence[ExpectedSeries]
) -> LeakSearch:
    kept: set[str] = set()
    uids: set[str] = set()
    for series in expected:
        for source in series.sources:
            kept.update(source.kept)
            uids.update(source.uids)

    key = bytes.fromhex(order.hash_key)
    neighbours = Neighbours(job.layout.neighbours, key)
    claimed = _claimed(order.identifiers, claims, kept)
    others = neighbours.files_of_others(order.pseudonym)
    names = frozenset((order.pseudonym, job.label))
    return LeakSearch(
        own=OwnIdentifiers.of(claimed),
        ours=Ours(names),
        cohort=neighbours.cohort(
            claims.kinds,
            with_uids=claims.uids,
        ),
        uids=frozenset(uids) if claims.uids else frozenset(),
        shared=SharedValues(others),
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
    inspected = inspected_series(job)
    releases_masks = job.settings.deface.releases_masks
    expected = []
    for series in session.series:
        row = built[series.name]
        if isinstance(row, Held):
            continue

        is_defaced = row.state not in WHOLE
        is_changed = is_defaced or row.text is TextState.BLANKED
        masks = job.masks / f"{series.name}.npz"
        expectation = ExpectedSeries(
            series.name,
            _sources(
                order,
                series,
                claims,
                inspected.get(series.name, InspectedSeries()),
            ),
            masks if is_changed else None,
            job.scratch,
            defaced=is_defaced,
            refaced=row.refaced,
            nifti_masks=None if releases_masks else nifti_masks(masks),
        )
        expected.append(expectation)
    return expected


def _sources(
    order: WorkOrder, series: SeriesOrder, claims: Claims, inspected: InspectedSeries
) -> tuple[SourceFile, ...]:
    root = Path(order.source)
    kept = frozenset(claims.kept)
    sources = []
    for number, file in enumerate(series.files, 1):
        source = read_source(root / file.path, kept)
        rectangles = inspected.of_instance(number)
        blanked = [BlankedPart(**asdict(rectangle)) for rectangle in rectangles]
        sources.append(replace(source, blanked=tuple(blanked)))
    return tuple(sources)


def _checked(folder: Path, expected: ExpectedSeries, search: LeakSearch) -> list[Finding]:
    try:
        return check_series(folder, expected, search)
    except NOT_READ as error:
        kind = type(error).__name__
        finding = Finding(
            expected.name,
            f"cannot be read again: {kind}",
            count=1,
        )
        return [finding]


def words_of(findings: Sequence[Finding]) -> str:
    """Findings in words that say which attribute and whose identifier, never the value."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for finding in findings:
        row = finding.attribute, finding.whose, finding.what
        counts[row] += finding.count

    phrases = []
    for row, count in sorted(counts.items()):
        phrase = _phrase(*row)
        phrases.append(f"{phrase} ({count} ×)")
    return "; ".join(phrases)


def _phrase(attribute: str, whose: str, what: str) -> str:
    if not attribute:
        return what

    code = what.removeprefix(f"{LEAK}: ")
    return f"{attribute} {holds(code, whose)}"


def _key(job: StepJob) -> list[Any]:
    claims = Claims.of(job.profile)
    return [job.content, claims.words]


def _has_something(job: StepJob) -> bool:
    built = job.output("reconstruct", ReconstructResult)
    return built.result.has_something


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
