"""The step `report`: tables of the release, the vault's quarantine table, the sum of verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from prefect import State, task

from deidflow.identity.vault import Vault
from deidflow.release.changes import note_versions
from deidflow.release.instances import write_instances
from deidflow.release.layout import Layout
from deidflow.release.tables import (
    FileRow,
    write_checksums,
    write_doubtful,
    write_lines,
    write_quarantine,
    write_subjects,
)
from deidflow.run.context import Run
from deidflow.run.discovery import RunBatch
from deidflow.run.instances import instance_rows, published_instances, with_missing
from deidflow.store.files import Manifest, read_json, write_json_atomic
from deidflow.store.record import StepStore
from deidflow.verdicts import Reason, Verdict
from tasks.common import OPTIONS, for_the_run
from tasks.discover import Discovery
from tasks.prefect_pages import Pages, show_tables


@task(name="report", task_run_name="report", **OPTIONS)
def report(run: Run, vault: Vault, discovery: Discovery, pages: Pages) -> State[Any]:
    """Write every table, fix the labels of what was published, and count the verdicts."""

    def work() -> str:
        summary = _report(run, vault, discovery.found)
        pages.show(lambda: show_tables(summary))
        return ", ".join(f"{count} {name}" for name, count in summary["verdicts"].items())

    return for_the_run(run, work)


def _report(run: Run, vault: Vault, batch: RunBatch) -> dict[str, Any]:
    layout = run.layout
    vault.mark_published(layout.published_sessions())
    write_subjects(layout)
    manifests = dict(_manifests(layout))
    note_versions(layout, manifests)
    write_checksums(layout, manifests)
    published = {
        session: published_instances(run, session, manifest)
        for session, manifest in manifests.items()
    }
    rows = with_missing(list(_rows(run, batch)), published)
    write_instances(
        layout.instances_table,
        list(instance_rows(run, vault, batch, rows, published)),
        layout.release,
    )
    withheld = [row for row in rows if row.verdict != Verdict.RELEASED.value]
    for table in (layout.quarantine_table, layout.own_quarantine_table):
        write_quarantine(table, withheld)
    for table in (layout.absent_table, layout.own_absent_table):
        write_lines(table, batch.absent)
    write_doubtful(layout.doubtful_table, _doubtful(layout, batch))
    write_json_atomic(layout.gone_table, sorted(_gone(layout, batch)))
    summary = summarize(run, batch, rows)
    known = read_json(layout.summary) or {}
    summary["news"] = summary["reasons"] != known.get("reasons", [])
    write_json_atomic(layout.summary, summary)
    return summary


def _doubtful(layout: Layout, batch: RunBatch) -> Iterator[tuple[str, str, str, int]]:
    """Attributes that hold a single word of another patient's name, session by session."""
    for order in batch.orders:
        outcome = read_json(layout.outcome(order.pseudonym)) or {}
        for label, session in sorted(outcome.items()):
            for attribute, count in session.get("doubtful", {}).items():
                yield order.pseudonym, label, attribute, count


def _manifests(layout: Layout) -> Iterator[tuple[tuple[str, str], Manifest]]:
    """What is published of each session: as recorded where it is intact, else read anew."""
    for pseudonym, label in layout.published_sessions():
        published = layout.published(pseudonym, label)
        recorded = StepStore(layout.session_work(pseudonym, label)).manifest("reconstruct")
        intact = recorded is not None and recorded.intact(published)
        yield (pseudonym, label), recorded if recorded and intact else Manifest.scan(published)


def _rows(run: Run, batch: RunBatch) -> Iterator[FileRow]:
    """One row for each file found, whatever its verdict."""
    pseudonyms = {key: identity.pseudonym for key, identity in batch.identities.items()}
    for path, (verdict, reason) in sorted(batch.cohort.verdicts.items()):
        owner = pseudonyms.get(batch.cohort.owners.get(path, ""), "")
        yield FileRow(
            path, owner, "", "", verdict.value, "discover", str(reason.value), reason.words
        )
    for subject in batch.cohort.subjects:
        if subject.key in batch.not_selected:
            for study in subject.studies:
                for member in (member for series in study.series for member in series.members):
                    yield _not_selected(member.path, pseudonyms[subject.key])
    for order in batch.orders:
        outcome = read_json(run.layout.outcome(order.pseudonym)) or {}
        for session in order.sessions:
            for series in session.series:
                row = outcome.get(session.label, {}).get("series", {}).get(series.name, _NO_OUTCOME)
                for file in series.files:
                    yield _file_row(file.path, order.pseudonym, session.label, series.name, row)


_NO_OUTCOME = {"verdict": Verdict.FAILED.value, "step": "subject", "reason": Reason.NO_RESULT.value}


def _not_selected(path: str, pseudonym: str) -> FileRow:
    reason = Reason.NOT_SELECTED
    return FileRow(
        path, pseudonym, "", "", Verdict.EXCLUDED.value, "discover", str(reason.value), reason.words
    )


def _file_row(path: str, pseudonym: str, label: str, series: str, row: dict[str, Any]) -> FileRow:
    words = Reason.read(row["reason"]).words if row["reason"] else ""
    if row.get("detail"):
        words = f"{words}: {row['detail']}"
    return FileRow(
        path, pseudonym, label, series, row["verdict"], row["step"], row["reason"], words
    )


def summarize(run: Run, batch: RunBatch, rows: list[FileRow]) -> dict[str, Any]:
    """Counts only: verdicts, reasons, subjects, sessions; and which exit code they ask for."""
    verdicts = Counter(row.verdict for row in rows)
    reasons = Counter((row.verdict, row.reason) for row in rows if row.reason)
    subjects = []
    contacts: Counter[tuple[str, str]] = Counter()
    for order in batch.orders:
        outcome = read_json(run.layout.outcome(order.pseudonym)) or {}
        for session in outcome.values():
            contacts.update(
                {(attribute, kind): files for attribute, kind, files in session.get("contacts", [])}
            )
        subjects += [
            {"subject": order.pseudonym, "session": label, **_counted(one)}
            for label, one in sorted(outcome.items())
        ]
    return {
        "run": run.run_id,
        "files": len(rows),
        "verdicts": {verdict.value: verdicts[verdict.value] for verdict in Verdict},
        "reasons": [
            [verdict, reason, count] for (verdict, reason), count in sorted(reasons.items())
        ],
        "absent": len(batch.absent),
        "gone": len(_gone(run.layout, batch)),
        "sessions": subjects,
        "contacts": [[*attribute, files] for attribute, files in sorted(contacts.items())],
        "exit_code": _exit_code(verdicts, reasons),
    }


def _gone(layout: Layout, batch: RunBatch) -> set[tuple[str, str]]:
    """Published sessions of which the source holds nothing any more; they stay as they are."""
    present = {
        (one.pseudonym, label) for one in batch.identities.values() for label in one.labels.values()
    }
    return set(layout.published_sessions()) - present


def _counted(outcome: dict[str, Any]) -> dict[str, Any]:
    states = Counter(row["state"] for row in outcome["series"].values())
    return {
        "series": dict(sorted(states.items())),
        "failed": outcome["failed"],
        "steps": outcome["steps"],
    }


def _exit_code(verdicts: Counter[str], reasons: Counter[tuple[str, str]]) -> int:
    if any(reason in _FOUND for _, reason in reasons):
        return 6
    if verdicts[Verdict.FAILED.value]:
        return 5
    return 4 if verdicts[Verdict.QUARANTINED.value] or not verdicts[Verdict.RELEASED.value] else 0


_FOUND = (Reason.LEAK_FOUND.value, Reason.PIXELS_DIFFER.value, Reason.CHECK_FAILED.value)
