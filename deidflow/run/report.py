"""The tables of a run: what is in the release, what is not and why, and where each file went."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from deidflow.identity.vault import Vault
from deidflow.release.changes import note_versions
from deidflow.release.instances import InstanceRow, instances_table
from deidflow.release.layout import Layout
from deidflow.release.tables import (
    FileRow,
    quarantine_table,
    write_checksums,
    write_doubtful,
    write_lines,
    write_subjects,
)
from deidflow.release.withdrawal import release_manifests
from deidflow.report.write import write_shared
from deidflow.review.sign_off import REVIEW_KEY, note_sign_off
from deidflow.run.audit import RunLedger
from deidflow.run.context import Run
from deidflow.run.discovery import OrderedSubject, RunBatch
from deidflow.run.files import FileEnd, ends_of_discovery, ends_of_subject, read_files
from deidflow.run.instances import (
    Published,
    Session,
    instance_rows,
    published_instances,
    uid_map,
    with_missing,
)
from deidflow.run.outcome import read_outcome
from deidflow.run.summary import (
    RunSummary,
    Tally,
    gone_sessions,
    read_summary,
    summarize,
    with_news,
)
from deidflow.store.files import Manifest, write_json_atomic

_PIECE = 1_000
"""Files that are written at once."""


def write_report(run: Run, vault: Vault, batch: RunBatch) -> RunSummary:
    """Write every table, fix the labels of what was published, and sum up the verdicts."""
    layout = run.layout
    vault.mark_published(layout.published_sessions())
    manifests = release_manifests(layout)
    note_sign_off(layout, vault.keys.derive(REVIEW_KEY))
    _describe_release(layout, manifests)
    ledger = RunLedger(run, vault)
    tally = _write_files(
        run,
        vault,
        batch,
        manifests,
        ledger,
    )
    _write_quarantine(layout, batch)

    summary = summarize(
        run.run_id,
        layout,
        batch,
        tally,
    )
    summary = with_news(summary, read_summary(layout.summary))
    summary.write(layout.summary)
    ledger.end(summary)
    if layout.shared_report.exists():
        write_shared(layout)
    if run.settings.output.layout == "bids":
        _write_bids(run)
    return summary


def _write_files(
    run: Run,
    vault: Vault,
    batch: RunBatch,
    manifests: Mapping[Session, Manifest],
    ledger: RunLedger,
) -> Tally:
    """Write the tables of all files, subject by subject: a source may hold millions."""
    layout = run.layout
    uids = uid_map(run, vault)
    with _file_tables(layout) as tables:
        for ends in _in_pieces(ends_of_discovery(batch)):
            tables.add(ends, list(instance_rows(layout, uids, ends, {})))

        for ordered in batch.orders:
            files = read_files(layout, batch, ordered)
            published = _published(run, ordered, manifests)
            ends = with_missing(list(ends_of_subject(layout, files)), published)
            rows = list(instance_rows(layout, uids, ends, published))
            tables.add(ends, rows)
            ledger.add(files.order, rows)
    return tables.tally


@dataclass(frozen=True)
class _FileTables:
    """The tables of all files, while they are written."""

    write_rows: Callable[[Iterable[InstanceRow]], None]
    write_held: tuple[Callable[[Iterable[FileRow]], None], ...]
    tally: Tally = field(default_factory=Tally)

    def add(self, ends: Sequence[FileEnd], rows: Sequence[InstanceRow]) -> None:
        """Write the files of a piece of the source."""
        self.write_rows(rows)
        withheld = [end.row() for end in ends if not end.is_released]
        for write in self.write_held:
            write(withheld)
        for end in ends:
            self.tally.add(end)


@contextmanager
def _file_tables(layout: Layout) -> Iterator[_FileTables]:
    with (
        instances_table(layout.instances_table, layout.release) as write_rows,
        quarantine_table(layout.quarantine_table) as write_held,
        quarantine_table(layout.own_quarantine_table) as write_own_held,
    ):
        yield _FileTables(write_rows, (write_held, write_own_held))


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


def _describe_release(layout: Layout, manifests: Mapping[Session, Manifest]) -> None:
    write_subjects(layout)
    note_versions(layout, manifests)
    write_checksums(layout, manifests)


def _write_quarantine(layout: Layout, batch: RunBatch) -> None:
    absent = batch.absent
    for table in (layout.absent_table, layout.own_absent_table):
        write_lines(table, absent)
    write_doubtful(
        layout.doubtful_table,
        _doubtful(layout, batch),
    )
    write_json_atomic(
        layout.gone_table,
        sorted(gone_sessions(layout, batch)),
    )


def _doubtful(layout: Layout, batch: RunBatch) -> Iterator[tuple[str, str, str, int]]:
    """Attributes that hold a single word of another patient's name, session by session."""
    for order in batch.orders:
        outcomes = read_outcome(layout.outcome(order.pseudonym))
        for label, session in sorted(outcomes.items()):
            for attribute, count in session.doubtful.items():
                yield order.pseudonym, label, attribute, count
