"""The audit of a vault as tables: attributes, files, studies, the cohort, all events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from deidflow.audit.ledger import Event, Ledger
from deidflow.audit.reading import STAGED, FileRow, SegmentReader
from deidflow.audit.rows import UNCHANGED
from deidflow.audit.sealing import SubjectKeys
from deidflow.audit.segment import segment_names
from deidflow.identity.vault import Vault

Cell = str | int
Rows = Iterator[tuple[Cell, ...]]


class Table(StrEnum):
    """What can be exported."""

    COHORT = "cohort"
    STUDIES = "studies"
    FILES = "files"
    ATTRIBUTES = "attributes"
    EVENTS = "events"


COLUMNS: dict[Table, tuple[str, ...]] = {
    Table.COHORT: (
        "time", "command", "files", "verdicts", "errors", "attributes changed", "reused", "seconds",
    ),
    Table.STUDIES: (
        "time", "subject", "session", "written", "reused", "failed", "attributes changed",
    ),
    Table.FILES: (
        "time", "subject", "segment", "source", "released", "verdict", "reason",
        "attributes changed",
    ),
    Table.ATTRIBUTES: (
        "time", "subject", "released", "attribute", "action", "reason", "old hash", "new hash",
        "original",
    ),
    Table.EVENTS: ("time", "event", "by", "details"),
}  # fmt: skip
_COMMON = frozenset(("n", "mac", "event", "time", "by", "deidflow"))


@dataclass(frozen=True)
class AuditTables:
    """The tables of one project and level; source paths and original values only if `opened`."""

    vault: Vault
    opened: bool = False
    subject: str = ""
    """Only of this subject; of all if empty."""
    with_kept: bool = True
    """Whether attributes that were kept have rows."""

    def rows(self, table: Table) -> Rows:
        """The rows of a table, without its columns."""
        makers: dict[Table, Callable[[], Rows]] = {
            Table.COHORT: self._cohort,
            Table.STUDIES: self._studies,
            Table.FILES: self._file_rows,
            Table.ATTRIBUTES: self._attributes,
            Table.EVENTS: self._events,
        }
        return makers[table]()

    @property
    def _ledger(self) -> Ledger:
        return Ledger.of(self.vault.folder, self.vault.keys)

    def _of(self, kind: Event) -> Iterator[dict[str, object]]:
        for event in self._ledger.events():
            if event.get("event") == kind:
                yield event

    def _cohort(self) -> Rows:
        for event in self._of(Event.ENDED):
            yield (
                _text(event, "time"),
                _text(event, "command"),
                _number(event, "files"),
                json.dumps(event.get("verdicts")),
                json.dumps(event.get("errors")),
                _number(event, "attributes"),
                _number(event, "reused"),
                _text(event, "seconds"),
            )

    def _studies(self) -> Rows:
        for event in self._of(Event.STUDY):
            if self.subject in ("", event.get("subject")):
                yield (
                    _text(event, "time"),
                    _text(event, "subject"),
                    _text(event, "session"),
                    _number(event, "written"),
                    _number(event, "reused"),
                    _number(event, "failed"),
                    _number(event, "attributes"),
                )

    def _events(self) -> Rows:
        for event in self._ledger.events():
            details = {}
            for key, value in event.items():
                if key not in _COMMON:
                    details[key] = value
            yield (
                _text(event, "time"),
                _text(event, "event"),
                _text(event, "by"),
                json.dumps(details),
            )

    def _file_rows(self) -> Rows:
        for file in self.files():
            yield (
                file.time,
                file.subject,
                file.segment,
                file.source,
                file.file,
                file.verdict,
                file.reason,
                file.changed,
            )

    def _attributes(self) -> Rows:
        for file in self.files():
            for row in file.attributes:
                if self.with_kept or row.action not in UNCHANGED:
                    yield (
                        file.time,
                        file.subject,
                        file.file,
                        row.attribute,
                        row.action,
                        row.reason,
                        row.old,
                        row.new,
                        row.original,
                    )

    def files(self) -> Iterator[FileRow]:
        """Every file of every segment; those of a run by where they were published last."""
        keys = self.vault.audit.keys() if self.opened else {}
        readers = list(self._readers())
        released = _released(readers)
        for reader in readers:
            key = keys.get(reader.subject)
            if key is not None:
                reader.keys = SubjectKeys(key)
            for file in reader.files():
                yield _placed(file, released)

    def _readers(self) -> Iterator[SegmentReader]:
        """The segments of the subjects that are asked for."""
        folder = self._ledger.folder
        for name in segment_names(folder):
            reader = SegmentReader(folder, name)
            if self.subject in ("", reader.subject):
                yield reader


def _released(readers: Iterable[SegmentReader]) -> dict[tuple[str, str], str]:
    """Subject and instance of the files of runs -> where they were published last."""
    released: dict[tuple[str, str], str] = {}
    for reader in readers:
        for instance, path in reader.released():
            key = reader.subject, instance
            released[key] = path
    return released


def _placed(file: FileRow, released: Mapping[tuple[str, str], str]) -> FileRow:
    """A file of a run with the path at which it was published, if it was."""
    if file.verdict != STAGED:
        return file
    place = released.get((file.subject, file.file), "")
    return replace(
        file,
        file=place,
        verdict="released" if place else STAGED,
    )


def _text(event: dict[str, object], key: str) -> str:
    value = event.get(key)
    return "" if value is None else str(value)


def _number(event: dict[str, object], key: str) -> int:
    value = event.get(key)
    return value if isinstance(value, int) else 0
