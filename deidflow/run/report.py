"""The tables of a run: what is in the release, what is not and why, and where each file went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deidflow.bids.around import write_around
from deidflow.identity.vault import Vault
from deidflow.release.changes import note_versions
from deidflow.release.instances import write_instances
from deidflow.release.layout import Layout
from deidflow.release.tables import (
    write_checksums,
    write_doubtful,
    write_lines,
    write_quarantine,
    write_subjects,
)
from deidflow.release.withdrawal import release_manifests
from deidflow.report.write import write_shared
from deidflow.review.sign_off import REVIEW_KEY, note_sign_off
from deidflow.run.audit import note_end
from deidflow.run.context import Run
from deidflow.run.discovery import RunBatch
from deidflow.run.files import FileEnd, file_ends
from deidflow.run.instances import (
    Session,
    instance_rows,
    published_instances,
    with_missing,
)
from deidflow.run.outcome import read_outcome
from deidflow.run.summary import RunSummary, gone_sessions, read_summary, summarize, with_news
from deidflow.store.files import Manifest, write_json_atomic


def write_report(run: Run, vault: Vault, batch: RunBatch) -> RunSummary:
    """Write every table, fix the labels of what was published, and sum up the verdicts."""
    layout = run.layout
    vault.mark_published(layout.published_sessions())
    manifests = release_manifests(layout)
    note_sign_off(layout, vault.keys.derive(REVIEW_KEY))
    _describe_release(layout, manifests)

    published = {
        session: published_instances(run, session, manifest)
        for session, manifest in manifests.items()
    }
    ends = with_missing(
        list(file_ends(layout, batch)),
        published,
    )
    rows = list(
        instance_rows(
            run,
            vault,
            batch,
            ends,
            published,
        )
    )
    write_instances(
        layout.instances_table,
        rows,
        layout.release,
    )
    _write_quarantine(layout, batch, ends)

    summary = summarize(
        run.run_id,
        layout,
        batch,
        ends,
    )
    summary = with_news(summary, read_summary(layout.summary))
    summary.write(layout.summary)
    note_end(
        run,
        vault,
        batch.orders,
        rows,
        summary,
    )
    if layout.shared_report.exists():
        write_shared(layout)
    if run.settings.output.layout == "bids":
        _write_bids(run)
    return summary


def _write_bids(run: Run) -> None:
    """The BIDS data set around the release."""
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


def _write_quarantine(layout: Layout, batch: RunBatch, ends: list[FileEnd]) -> None:
    withheld = [end.row() for end in ends if not end.is_released]
    for table in (layout.quarantine_table, layout.own_quarantine_table):
        write_quarantine(table, withheld)
    for table in (layout.absent_table, layout.own_absent_table):
        write_lines(table, batch.absent)
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
