"""Sessions of one project and level, in the vault's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from deidflow.identity.database import SESSIONS
from deidflow.identity.sealing import RowKey, Sealer
from deidflow.identity.secret import Keys


@dataclass(frozen=True)
class SessionOriginals:
    """The original values of a session; dates in ISO format, empty where there is none."""

    study: str
    date: str
    anchor: str
    """The date from which the label counts."""


class SessionTable:
    """The rows of one project and level."""

    def __init__(self, database: sqlite3.Connection, keys: Keys) -> None:
        self._database = database
        self._scope = keys.project, keys.level
        self._keys = keys
        self._sealer = Sealer(keys)

    def lookup(self, study_uid: str) -> bytes:
        """The keyed hash by which a study is found."""
        return self._keys.lookup("study", study_uid)

    def published_labels(self, pseudonym: str) -> dict[bytes, str]:
        """Lookup -> label of a subject's published sessions."""
        cursor = self._database.execute(
            "SELECT lookup, label FROM sessions "
            "WHERE project = ? AND level = ? AND pseudonym = ? AND published",
            (*self._scope, pseudonym),
        )
        return dict(cursor.fetchall())

    def forget_unpublished(self, pseudonym: str) -> None:
        """Delete a subject's sessions whose labels may still change."""
        self._database.execute(
            "DELETE FROM sessions "
            "WHERE project = ? AND level = ? AND pseudonym = ? AND NOT published",
            (*self._scope, pseudonym),
        )

    def erase(self, pseudonym: str) -> None:
        """Delete all sessions of a subject."""
        self._database.execute(
            "DELETE FROM sessions WHERE project = ? AND level = ? AND pseudonym = ?",
            (*self._scope, pseudonym),
        )

    def studies_of(self, pseudonym: str) -> list[str]:
        """Study UIDs of a subject; raises InvalidTag for a damaged row."""
        rows = self._database.execute(
            "SELECT lookup, sealed FROM sessions WHERE project = ? AND level = ? AND pseudonym = ?",
            (*self._scope, pseudonym),
        )
        return [self._unsealed(lookup, sealed).study for lookup, sealed in rows]

    def replace(self, pseudonym: str, label: str, original: SessionOriginals) -> None:
        """Store a session that is not published."""
        lookup = self.lookup(original.study)
        row_key = RowKey(SESSIONS, lookup)
        row = (
            *self._scope,
            lookup,
            pseudonym,
            label,
            0,
            self._sealer.seal(row_key, asdict(original)),
        )
        self._database.execute(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )

    def publish(self, pseudonym: str, label: str) -> SessionOriginals | None:
        """Fix a label; returns the session's original values, None where it is not there."""
        cursor = self._database.execute(
            "SELECT lookup, sealed FROM sessions "
            "WHERE project = ? AND level = ? AND pseudonym = ? AND label = ?",
            (*self._scope, pseudonym, label),
        )
        row = cursor.fetchone()
        if row is None:
            return None

        lookup, sealed = row
        self._database.execute(
            "UPDATE sessions SET published = 1 WHERE project = ? AND level = ? AND lookup = ?",
            (*self._scope, lookup),
        )
        return self._unsealed(lookup, sealed)

    def published_of(self, study_uids: Iterable[str]) -> set[tuple[str, str]]:
        """Pseudonym and label of the published sessions among these studies."""
        rows = self._database.execute(
            "SELECT lookup, pseudonym, label FROM sessions "
            "WHERE project = ? AND level = ? AND published",
            self._scope,
        )
        published = {lookup: (pseudonym, label) for lookup, pseudonym, label in rows}

        lookups = set(map(self.lookup, study_uids))
        matching = lookups & published.keys()
        return {published[lookup] for lookup in matching}

    def published_names(self) -> set[tuple[str, str]]:
        """Pseudonym and label of every published session."""
        rows = self._database.execute(
            "SELECT pseudonym, label FROM sessions WHERE project = ? AND level = ? AND published",
            self._scope,
        )
        return set(rows)

    def published_subjects(self) -> dict[bytes, str]:
        """Lookup of each published study -> whose it is."""
        rows = self._database.execute(
            "SELECT lookup, pseudonym FROM sessions WHERE project = ? AND level = ? AND published",
            self._scope,
        )
        return dict(rows.fetchall())

    def dates_of(self, pseudonym: str) -> Iterator[tuple[str, str]]:
        """Label and date of a subject's sessions; raises InvalidTag for a damaged row."""
        rows = self._database.execute(
            "SELECT lookup, label, sealed FROM sessions "
            "WHERE project = ? AND level = ? AND pseudonym = ? ORDER BY label",
            (*self._scope, pseudonym),
        )
        for lookup, label, sealed in rows:
            original = self._unsealed(lookup, sealed)
            yield label, original.date

    def _unsealed(self, lookup: bytes, sealed: bytes) -> SessionOriginals:
        row_key = RowKey(SESSIONS, lookup)
        values: dict[str, str] = self._sealer.unseal(row_key, sealed)
        return SessionOriginals(
            study=values["study"],
            date=values["date"],
            anchor=values["anchor"],
        )
