"""A run in the vault's audit: its beginning, where each file went, what became of each study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from deidflow.audit.ledger import Event, Ledger, remember_end
from deidflow.audit.segment import AuditRecord, SegmentWriter
from deidflow.audit.unfinished import adopt_unfinished
from deidflow.identity.vault import Vault
from deidflow.identity.workorder import WorkOrder
from deidflow.release.instances import InstanceRow
from deidflow.run.context import Run
from deidflow.run.summary import RunSummary, SessionCounts
from deidflow.steps.audit import instance_name
from deidflow.store.files import digest_of
from deidflow.verdicts import Verdict

Session = tuple[str, str]
"""Pseudonym and label."""
Places = list[tuple[str, str]]
"""Name of a file in the audit, and its path below the release."""


@contextmanager
def audited(vault: Vault) -> Iterator[None]:
    """Note where segments of a killed run end, and in the end how far the ledger goes."""
    adopt_unfinished(Ledger.of(vault.folder, vault.keys))
    remember_end(vault)
    try:
        yield
    finally:
        remember_end(vault)


def note_start(run: Run, vault: Vault) -> None:
    """Note that a run begins."""
    Ledger.of(vault.folder, vault.keys).add(
        Event.STARTED,
        {
            "command": "run",
            "run": run.run_id,
            "profile": run.profile.name,
            "rules": run.profile_digest,
        },
    )


def note_withdrawn(vault: Vault, pseudonym: str, label: str) -> None:
    """Note that a run took a session out of the release."""
    Ledger.of(vault.folder, vault.keys).add(
        Event.WITHDRAWN,
        {"sessions": [f"{pseudonym}/{label}"]},
    )


@dataclass(frozen=True)
class _Known:
    """What the ledger says before a run ends."""

    started: str
    """When the run began."""
    attributes: Mapping[str, int]
    """Session -> attributes that differ, by the segments of this run."""
    places: Mapping[str, str]
    """Session -> a hash of where its files went, as last noted."""


class RunLedger:
    """What a run adds to the ledger at its end: subject by subject, then the sum."""

    def __init__(self, run: Run, vault: Vault) -> None:
        self._run_id = run.run_id
        self._ledger = Ledger.of(vault.folder, vault.keys)
        self._known = _known(self._ledger, run.run_id)
        self._verdicts: dict[Session, Counter[str]] = {}

    def add(self, order: WorkOrder, rows: Iterable[InstanceRow]) -> None:
        """Note where the files of a subject went."""
        names = _names(order)
        by_session: dict[Session, list[InstanceRow]] = {}
        for row in rows:
            by_session.setdefault((row.subject, row.session), []).append(row)

        for session, own in sorted(by_session.items()):
            self._verdicts[session] = Counter(row.verdict for row in own)
            _note_places(self._ledger, self._known, session, own, names)

    def take(self, subject: str, sessions: Mapping[str, Mapping[Verdict, int]]) -> None:
        """Count the files of a subject of whom all is noted."""
        for label, verdicts in sessions.items():
            counts: Counter[str] = Counter()
            counts.update(verdicts)
            self._verdicts[subject, label] = counts

    def end(self, summary: RunSummary) -> None:
        """Note what became of each study, and of the cohort."""
        known = self._known
        news = {(row.subject, row.session): row for row in summary.sessions if row.has_news}
        studies = [
            _study(known, news[session], self._verdicts.get(session, Counter()))
            for session in sorted(news)
        ]
        self._ledger.add_all((Event.STUDY, study) for study in studies)
        self._ledger.add(
            Event.ENDED,
            {
                "command": "run",
                "run": self._run_id,
                "since": known.started,
                "files": summary.files,
                "verdicts": {verdict.value: files for verdict, files in summary.verdicts.items()},
                "errors": [list(reason) for reason in summary.reasons],
                "attributes": sum(known.attributes.values()),
                "reused": self._reused(news),
                "seconds": _seconds_since(known.started),
            },
        )

    def _reused(self, news: Mapping[Session, SessionCounts]) -> int:
        """Released files of sessions that the run had nothing to do for."""
        return sum(
            verdicts[Verdict.RELEASED]
            for session, verdicts in self._verdicts.items()
            if session not in news
        )


def _seconds_since(started: str) -> float:
    if not started:
        return 0.0
    duration = datetime.now(UTC) - datetime.fromisoformat(started)
    return round(duration.total_seconds(), 1)


def _known(ledger: Ledger, run_id: str) -> _Known:
    started = ""
    attributes: Counter[str] = Counter()
    places: dict[str, str] = {}
    for event in ledger.events():
        session = f"{event.get('subject')}/{event.get('session')}"
        changed = event.get("attributes")
        if event.get("event") == Event.STARTED and event.get("run") == run_id:
            started = str(event.get("time"))
        elif event.get("event") == Event.SEGMENT and "placed" in event:
            places[session] = str(event["placed"])
        elif event.get("event") == Event.SEGMENT and started and isinstance(changed, int):
            attributes[session] += changed
    return _Known(started, attributes, places)


def _names(order: WorkOrder) -> dict[str, str]:
    """Path below the source -> name of the file in the audit."""
    names: dict[str, str] = {}
    for session in order.sessions:
        for series in session.series:
            for number, file in enumerate(series.files, 1):
                names[file.path] = instance_name(session.label, series, number)
    return names


def _note_places(
    ledger: Ledger,
    known: _Known,
    session: Session,
    rows: Sequence[InstanceRow],
    names: Mapping[str, str],
) -> None:
    """Write where the files of a session are in the release, unless that is noted."""
    places: Places = []
    for row in rows:
        if row.released_path and row.source_path in names:
            places.append((names[row.source_path], row.released_path))

    digest = digest_of(sorted(places))
    subject, label = session
    if not places or known.places.get(f"{subject}/{label}") == digest:
        return

    writer = SegmentWriter.create(
        ledger.folder,
        ledger.key,
        subject,
    )
    writer.add(_place_record(*place) for place in sorted(places))
    ledger.add(
        Event.SEGMENT,
        {
            "subject": subject,
            "session": label,
            "placed": digest,
            **writer.end()._asdict(),
        },
    )


def _place_record(instance: str, released: str) -> AuditRecord:
    fields = f'"instance":"{instance}","released":"{released}"'
    return AuditRecord("", fields.encode("ascii"))


def _study(known: _Known, session: SessionCounts, verdicts: Counter[str]) -> dict[str, object]:
    released = verdicts[Verdict.RELEASED]
    is_new = session.is_written
    return {
        "subject": session.subject,
        "session": session.session,
        "written": released if is_new else 0,
        "reused": 0 if is_new else released,
        "failed": verdicts.total() - released,
        "attributes": known.attributes.get(f"{session.subject}/{session.session}", 0),
    }
