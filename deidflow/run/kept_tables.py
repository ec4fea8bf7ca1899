"""What the tables of the last run say of each subject: where nothing has changed it is copied."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
        sessions_of.setdefault(session[0], []).append(session)
    versions = read_json(layout.versions) or {}
    known = index.checksums.blocks.keys() & versions.keys()
    subjects: dict[str, SubjectEnds] = {}
    sessions: list[Session] = []
    for pseudonym in batch.standing & index.subjects.keys():
        ends = index.subjects[pseudonym]
        theirs = [one for one in sessions_of.get(pseudonym, []) if one[1] in ends.sessions]
        if _are_known(theirs, known):
            subjects[pseudonym] = ends
            sessions += theirs
    return KeptTables(index, subjects, frozenset(sessions))


def _are_known(sessions: Sequence[Session], known: Collection[str]) -> bool:
    return all("/".join(session) in known for session in sessions)


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
