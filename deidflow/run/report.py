"""The tables of a run: what is in the release, what is not and why, and where each file went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from deidflow.identity.vault import Vault
from deidflow.release.changes import note_versions
from deidflow.release.layout import Layout
from deidflow.release.tables import write_checksums, write_doubtful, write_lines, write_subjects
from deidflow.release.withdrawal import release_manifests
from deidflow.report.write import write_shared
from deidflow.review.sign_off import REVIEW_KEY, note_sign_off
from deidflow.run.audit import RunLedger
from deidflow.run.batch import OrderedSubject, RunBatch
from deidflow.run.context import Run
from deidflow.run.file_tables import FileTables, file_tables
from deidflow.run.files import FileEnd, ends_of_discovery, ends_of_subject, read_files
from deidflow.run.instances import (
    Published,
    Session,
    instance_rows,
    published_instances,
    uid_map,
    with_missing,
)
from deidflow.run.kept_tables import KeptTables, kept_tables
from deidflow.run.summary import (
    OutcomeRow,
    RunSummary,
    gone_sessions,
    read_outcomes,
    read_summary,
    summarize,
    with_news,
)
from deidflow.store.blocks import BlockIndex
from deidflow.store.files import Manifest, write_json_atomic

_PIECE = 1_000
"""Files that are written at once."""


def write_report(run: Run, vault: Vault, batch: RunBatch) -> RunSummary:
    """Write every table, fix the labels of what was published, and sum up the verdicts."""
    layout = run.layout
    published = layout.published_sessions()
    vault.mark_published(published)
    note_sign_off(layout, vault.keys.derive(REVIEW_KEY))
    kept = kept_tables(layout, batch, published)
    manifests = release_manifests(layout, beside=kept.sessions)
    checksums = _describe_release(layout, manifests, kept)
    ledger = RunLedger(run, vault)
    tables = _write_files(
        run,
        vault,
        batch,
        _Known(manifests, kept),
        ledger,
    )
    tables.index(checksums).write(layout)
    outcomes = read_outcomes(layout, batch)
    _write_quarantine(layout, batch, outcomes)

    summary = summarize(
        run.run_id,
        layout,
        batch,
        tables.tally,
        outcomes,
    )
    summary = with_news(summary, read_summary(layout.summary))
    summary.write(layout.summary)
    ledger.end(summary)
    if layout.shared_report.exists():
        write_shared(layout)
    if run.settings.output.layout == "bids":
        _write_bids(run)
    return summary


@dataclass(frozen=True)
class _Known:
    """What is in the release, and what of the last run's tables is taken."""

    manifests: Mapping[Session, Manifest]
    kept: KeptTables


def _write_files(
    run: Run,
    vault: Vault,
    batch: RunBatch,
    known: _Known,
    ledger: RunLedger,
) -> FileTables:
    """Write the tables of all files, subject by subject: a source may hold millions."""
    layout = run.layout
    uids = uid_map(run, vault)
    with file_tables(layout, known.kept.index) as tables:
        for ends in _in_pieces(ends_of_discovery(batch)):
            rows = list(instance_rows(layout, uids, ends, {}))
            tables.add(ends, rows)

        for ordered in batch.orders:
            subject = ordered.pseudonym
            before = known.kept.subjects.get(subject)
            if before is not None:
                tables.take(subject, before)
                ledger.take(subject, before.sessions)
                continue

            files = read_files(layout, batch, ordered)
            published = _published(
                run,
                ordered,
                known.manifests,
            )
            found = list(ends_of_subject(layout, files))
            ends = with_missing(found, published)
            rows = list(instance_rows(layout, uids, ends, published))
            tables.add(ends, rows, subject)
            ledger.add(files.order, rows)
    return tables


def _in_pieces(ends: Iterator[FileEnd]) -> Iterator[list[FileEnd]]:
    while piece := list(islice(ends, _PIECE)):
        yield piece


def _published(
    run: Run, ordered: OrderedSubject, manifests: Mapping[Session, Manifest]
) -> dict[Session, Published]:
    """What is published of a subject."""
    sessions = [(ordered.pseudonym, label) for label in ordered.labels]
    return {
        session: published_instances(run, session, manifests[session])
        for session in sessions
        if session in manifests
    }


def _write_bids(run: Run) -> None:
    """The BIDS data set around the release."""
    from deidflow.bids.around import write_around

    layout, output = run.layout, run.settings.output
    around = write_around(
        run.settings.release,
        layout.release,
        layout.bids_record,
        layout.staging,
        table=output.names,
        participants=output.participants,
    )
    unnamed = len(around.unnamed)
    run.say(f"BIDS: {around.images} images named, {unnamed} in sourcedata only")
    if around.invalid:
        run.say(f"BIDS: {len(around.invalid)} paths are not valid; see 'deidflow bids'")


def _describe_release(
    layout: Layout, manifests: Mapping[Session, Manifest], kept: KeptTables
) -> BlockIndex:
    """Write the tables of the release; returns where its checksums are."""
    write_subjects(layout)
    note_versions(layout, manifests, kept.sessions)
    index = kept.index.checksums if kept.index else None
    return write_checksums(
        layout,
        manifests,
        kept.sessions,
        index,
    )


def _write_quarantine(layout: Layout, batch: RunBatch, outcomes: Sequence[OutcomeRow]) -> None:
    absent = batch.absent
    for table in (layout.absent_table, layout.own_absent_table):
        write_lines(table, absent)
    write_doubtful(layout.doubtful_table, _doubtful(outcomes))
    write_json_atomic(
        layout.gone_table,
        sorted(gone_sessions(layout, batch)),
    )


def _doubtful(outcomes: Iterable[OutcomeRow]) -> Iterator[tuple[str, str, str, int]]:
    """Attributes that hold a single word of another patient's name, session by session."""
    for pseudonym, label, session in outcomes:
        for attribute, count in session.doubtful.items():
            yield pseudonym, label, attribute, count
