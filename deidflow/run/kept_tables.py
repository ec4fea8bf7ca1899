"""What the tables of the last run say of each subject: where nothing has changed it is copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from deidflow.release.layout import Layout
from deidflow.release.tables import CHECKSUMS, Session
from deidflow.run.batch import RunBatch
from deidflow.store.blocks import BlockIndex
from deidflow.store.files import Signature, read_json, write_json_atomic
from deidflow.verdicts import Reason, Verdict


class SubjectEnds(BaseModel):
    """How many files of a subject ended how."""

    counts: list[tuple[Verdict, Reason | None, int]] = []
    sessions: dict[str, dict[Verdict, int]] = {}
    """Label -> verdict -> files."""


class TableIndex(BaseModel):
    """Where the tables of a run speak of whom: blocks by pseudonym, of checksums by session."""

    instances: BlockIndex
    quarantine: BlockIndex
    checksums: BlockIndex
    subjects: dict[str, SubjectEnds]

    def write(self, layout: Layout) -> None:
        """Keep it for the next run."""
        write_json_atomic(layout.table_index, self.model_dump(mode="json"))


@dataclass(frozen=True)
class KeptTables:
    """The index of the last run, and the subjects and sessions that are taken from its tables."""

    index: TableIndex | None
    subjects: Mapping[str, SubjectEnds]
    sessions: frozenset[Session]


def kept_tables(layout: Layout, batch: RunBatch, published: Sequence[Session]) -> KeptTables:
    """What of the last run's tables holds: that of standing subjects, if no table was touched."""
    index = _read(layout)
    if index is None or not _is_untouched(layout, index):
        return KeptTables(None, {}, frozenset())

    sessions_of: dict[str, list[Session]] = {}
    for session in published:
        subject, _ = session
        theirs = sessions_of.setdefault(subject, [])
        theirs.append(session)

    known = _known_sessions(layout, index)
    subjects: dict[str, SubjectEnds] = {}
    sessions: list[Session] = []
    for subject in batch.standing & index.subjects.keys():
        ends = index.subjects[subject]
        theirs = sessions_of.get(subject, [])
        released = [session for session in theirs if session[1] in ends.sessions]
        if known.issuperset(released):
            subjects[subject] = ends
            sessions += released
    return KeptTables(
        index,
        subjects,
        frozenset(sessions),
    )


def _known_sessions(layout: Layout, index: TableIndex) -> set[Session]:
    """Sessions that have checksums and a version."""
    versions = read_json(layout.versions) or {}
    sessions: set[Session] = set()
    for name in index.checksums.blocks.keys() & versions.keys():
        subject, _, label = name.partition("/")
        sessions.add((subject, label))
    return sessions


def _read(layout: Layout) -> TableIndex | None:
    try:
        return TableIndex.model_validate(read_json(layout.table_index))
    except ValidationError:
        return None


def _is_untouched(layout: Layout, index: TableIndex) -> bool:
    tables = {
        layout.instances_table: index.instances,
        layout.own_quarantine_table: index.quarantine,
        layout.release / CHECKSUMS: index.checksums,
    }
    return all(Signature.if_readable(path) == kept.signature for path, kept in tables.items())
