"""Who is in the sources, and where each of their series goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from deidflow.bulk.call import Call
from deidflow.bulk.places import check_apart, check_kept
from deidflow.bulk.raw_pet import raw_paths, raw_rows
from deidflow.bulk.read import ReadFile, StackPosition
from deidflow.bulk.targets import SeriesTargets, targets_of
from deidflow.dicom.grouping import Cohort
from deidflow.dicom.inventory import Entry
from deidflow.dicom.majorities import Decision
from deidflow.dicom.raw_data import raw_classes
from deidflow.identity.cohort import group_by, order_options, refuse_mixed_folders
from deidflow.identity.neighbours import neighbour_of, write_neighbours
from deidflow.identity.orders import persons, work_order
from deidflow.identity.vault import Identity


class Plan(NamedTuple):
    """What becomes of each file: a target, or a verdict."""

    series: list[SeriesTargets]
    """Sorted by pseudonym."""
    decisions: dict[str, Decision]
    """Verdict and reason, by path, of files without a target."""
    raw: frozenset[str] = frozenset()
    """Paths of raw data of PET, which follow rules of their own."""

    @property
    def sessions(self) -> set[tuple[str, str]]:
        """Pseudonym and label of all sessions."""
        return {series.session for series in self.series}


def make_plan(call: Call, rows: list[ReadFile]) -> Plan:
    """Identify subjects and place their series; empties `rows`, which may be millions.

    Raises UsageError if a layout or a resumed call would lose an output.
    """
    settings = call.settings
    vault = call.vault
    rows[:] = raw_rows(
        rows,
        call.located,
        call.manifest,
        keeps_private=settings.private != "none",
    )
    raw = raw_paths(rows)
    positions = {row.entry.path: row.position for row in rows}
    cohort = group_by(
        _consumed(rows),
        settings,
        defacing=False,
        known=vault.demographics,
        classes=raw_classes() if raw else (),
        manifest=call.manifest,
    )
    refuse_mixed_folders(
        cohort.mixed_folders,
        vault.folder if call.remembers else None,
    )

    identities = vault.identify(
        persons(cohort.subjects),
        settings.ids,
        settings.sessions,
    )
    hash_key = vault.keys.derive("hash")
    neighbours = [neighbour_of(subject, hash_key, with_uids=False) for subject in cohort.subjects]
    write_neighbours(
        neighbours,
        identities,
        call.located.root,
        call.others_folder,
        hash_key,
        places=call.located.places,
    )

    series = list(
        _series_targets(
            call,
            cohort,
            identities,
            positions,
        )
    )
    _check_places(call, series)
    return Plan(
        series=series,
        decisions=cohort.verdicts,
        raw=raw,
    )


def _consumed(rows: list[ReadFile]) -> Iterator[Entry]:
    """The entries in order, while the rows are released."""
    rows.reverse()
    while rows:
        yield rows.pop().entry


def _series_targets(
    call: Call,
    cohort: Cohort,
    identities: dict[str, Identity],
    positions: dict[str, StackPosition],
) -> Iterator[SeriesTargets]:
    """The series of all subjects, sorted by pseudonym."""
    root = str(call.located.root)
    options = order_options(call.settings, call.profile)
    subjects = sorted(
        cohort.subjects,
        key=lambda subject: identities[subject.key].pseudonym,
    )

    for subject in subjects:
        identity = identities[subject.key]
        order = work_order(
            subject,
            identity,
            call.vault.keys,
            root,
            options,
            with_files=False,
        )
        yield from targets_of(
            subject,
            identity,
            order,
            call.settings.layout,
            positions,
        )


def _check_places(call: Call, series: list[SeriesTargets]) -> None:
    """Refuse what would lose an output, before the first is written."""
    settings = call.settings
    check_apart(series, settings.layout)
    if settings.on_exists != "resume" or not call.remembers:
        return

    root = call.located.root
    files = (*call.located.paths, *call.located.members)
    sources = {str(root / path) for path in files}
    check_kept(
        series,
        sources,
        call.record_folder,
        settings.out,
        settings.layout,
    )
