"""The studies that were fetched from archives, in the vault's database, by keyed hashes."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from deidflow.identity.database import open_database, transaction
from deidflow.identity.secret import Keys


class FetchedLedger:
    """What was fetched from one archive."""

    def __init__(self, folder: Path, keys: Keys, peer: str) -> None:
        self._database: sqlite3.Connection = open_database(folder, keys)
        self._keys = keys
        self._peer = peer

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def instances(self, study_uid: str) -> int | None:
        """How many instances a study had when it was fetched; None if it was not."""
        cursor = self._database.execute(
            "SELECT instances FROM fetched WHERE peer = ? AND lookup = ?",
            (self._peer, self._lookup(study_uid)),
        )
        row = cursor.fetchone()
        return None if row is None else int(row[0])

    def note(self, study_uid: str, instances: int) -> None:
        """Store that a study was fetched; it is on the disk when this returns."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with transaction(self._database) as database:
            database.execute(
                "INSERT OR REPLACE INTO fetched VALUES (?, ?, ?, ?)",
                (self._peer, self._lookup(study_uid), instances, now),
            )

    def _lookup(self, study_uid: str) -> bytes:
        return self._keys.lookup("study", study_uid)
