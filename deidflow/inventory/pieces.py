"""What runs concluded of pieces of a source, kept in the vault's work folder.

All of it can be deleted at any time: the next run concludes again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from deidflow.inventory.database import connect, make_private

_SCHEMA_NUMBER = 1
_TABLES = """
CREATE TABLE pieces (digest BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE marks (pseudonym TEXT PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID;
"""


class PieceStore:
    """The pieces of the last run by a hash of what they depend on, and marks of work orders.

    What a run notes is there once it calls `keep_only`, or not at all.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._database = _opened(path)
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            self._database = _opened(path)
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Close it; what was not kept is lost."""
        with suppress(sqlite3.Error):
            self._database.rollback()
        self._database.close()

    def content(self, digest: bytes) -> bytes | None:
        """What was concluded of a piece; None for one that is new."""
        cursor = self._database.execute(
            "SELECT content FROM pieces WHERE digest = ?",
            (digest,),
        )
        row: tuple[bytes] | None = cursor.fetchone()
        if row is None:
            return None
        return row[0]

    def note(self, digest: bytes, content: bytes) -> None:
        """Keep what was concluded of a piece."""
        self._database.execute(
            "INSERT OR REPLACE INTO pieces VALUES (?, ?)",
            (digest, content),
        )

    def mark(self, pseudonym: str) -> str:
        """The mark of a subject's work order; empty where there is none."""
        cursor = self._database.execute(
            "SELECT mark FROM marks WHERE pseudonym = ?",
            (pseudonym,),
        )
        row: tuple[str] | None = cursor.fetchone()
        if row is None:
            return ""
        return row[0]

    def set_mark(self, pseudonym: str, mark: str) -> None:
        """Note the mark of a subject's work order."""
        self._database.execute(
            "INSERT OR REPLACE INTO marks VALUES (?, ?)",
            (pseudonym, mark),
        )

    def keep_only(self, digests: Iterable[bytes]) -> None:
        """Forget all pieces but these."""
        rows = [(digest,) for digest in digests]
        execute = self._database.execute
        execute("CREATE TEMP TABLE current (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.executemany("INSERT OR IGNORE INTO current VALUES (?)", rows)
        execute("DELETE FROM pieces WHERE digest NOT IN (SELECT digest FROM current)")
        execute("DROP TABLE current")
        execute("COMMIT")


def _opened(path: Path) -> sqlite3.Connection:
    """The database, new where there is none or one of another schema."""
    make_private(path)
    database = connect(path)
    try:
        database.execute("PRAGMA temp_store=MEMORY")
        database.execute("PRAGMA synchronous=OFF")
        number = database.execute("PRAGMA user_version").fetchone()[0]
        if number != _SCHEMA_NUMBER:
            database.executescript("DROP TABLE IF EXISTS pieces; DROP TABLE IF EXISTS marks;")
            database.executescript(_TABLES)
            database.execute(f"PRAGMA user_version = {_SCHEMA_NUMBER}")
        database.execute("SELECT count(*) FROM marks")
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database
