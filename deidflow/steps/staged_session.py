"""The staged session, read as an outsider would, and compared with its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from deidflow.checks.file_search import NOT_READ
from deidflow.checks.findings import Finding
from deidflow.checks.leaks import LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.checks.pixels import BlankedPart
from deidflow.checks.series import ExpectedSeries, check_series
from deidflow.checks.shared import SharedValues
from deidflow.checks.source import SourceFile, SourceReader
from deidflow.checks.staged import check_names, check_others
from deidflow.identity.neighbours import Neighbours
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder
from deidflow.states import WHOLE, TextState
from deidflow.steps.claims import Claims
from deidflow.steps.common import nifti_masks
from deidflow.steps.inspected import inspected_series
from deidflow.steps.results import Held, InspectedSeries, ReconstructResult
from deidflow.steps.step import StepJob


def check_staged(job: StepJob, claims: Claims) -> tuple[tuple[Finding, ...], Mapping[str, int]]:
    """What an outsider finds in the staged session, and what is doubtful: attribute -> count."""
    order, session = job.read_order()
    built = job.output("reconstruct", ReconstructResult)
    expected = _expected(job, order, session, claims)
    search = _search(job, order, claims, expected)

    findings = check_names(built.folder, expected)
    for series in expected:
        folder = built.folder / series.name
        findings += _checked(folder, series, search)
    findings += check_others(built.folder, search)

    doubtful = sorted(search.doubtful.items())
    return tuple(findings), dict(doubtful)


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
    reader = SourceReader(frozenset(claims.kept))
    sources = []
    for number, file in enumerate(series.files, 1):
        source = reader.read(root / file.path)
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
