"""Which version of which session went to whom, in the vault's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deidflow.identity.secret import Keys


@dataclass(frozen=True)
class SentVersion:
    """A session as a recipient has it."""

    version: int
    digest: str
    """Hash of the paths and contents of its files."""


@dataclass(frozen=True)
class BundleRecord:
    """One bundle, and all that its recipient has with it."""

    number: int
    recipient: str
    made: str
    """UTC, ISO 8601, to the second."""
    sha256: str
    """Of the archive."""
    sessions: Mapping[str, SentVersion] = field(default_factory=dict)
    """`P001/M00` -> the version that the recipient has, by this bundle or an earlier one."""

    @property
    def subjects(self) -> frozenset[str]:
        """Whom the recipient has."""
        return frozenset(session.partition("/")[0] for session in self.sessions)


class BundleTable:
    """The ledger of one project and level; rows are added and never changed."""

    def __init__(self, database: sqlite3.Connection, keys: Keys) -> None:
        self._database = database
        self._scope = keys.project, keys.level

    def next_number(self) -> int:
        """The number of the bundle that comes next."""
        cursor = self._database.execute(
            "SELECT COALESCE(MAX(number), 0) + 1 FROM bundles WHERE project = ? AND level = ?",
            self._scope,
        )
        return int(cursor.fetchone()[0])

    def insert(self, record: BundleRecord) -> None:
        """Add a bundle; inside a transaction."""
        self._database.execute(
            "INSERT INTO bundles VALUES (?, ?, ?, ?, ?, ?)",
            (*self._scope, record.number, record.recipient, record.made, record.sha256),
        )
        rows = []
        for session, sent in record.sessions.items():
            rows.append((*self._scope, record.number, session, sent.version, sent.digest))
        self._database.executemany(
            "INSERT INTO bundled_sessions VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )

    def records(self) -> list[BundleRecord]:
        """Every bundle, the first first."""
        rows = self._database.execute(
            "SELECT number, recipient, made, sha256 FROM bundles "
            "WHERE project = ? AND level = ? ORDER BY number",
            self._scope,
        )
        records = []
        for number, recipient, made, sha256 in rows.fetchall():
            sessions = self._sessions(number)
            records.append(BundleRecord(number, recipient, made, sha256, sessions))
        return records

    def _sessions(self, number: int) -> dict[str, SentVersion]:
        rows = self._database.execute(
            "SELECT session, version, digest FROM bundled_sessions "
            "WHERE project = ? AND level = ? AND number = ? ORDER BY session",
            (*self._scope, number),
        )
        return {session: SentVersion(version, digest) for session, version, digest in rows}


def last_to_each(records: Iterable[BundleRecord]) -> dict[str, BundleRecord]:
    """Recipient, folded -> the last bundle, which says what they have."""
    return {record.recipient.casefold(): record for record in records}
