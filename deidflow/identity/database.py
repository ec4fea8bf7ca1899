"""The vault's database: its schema, the number of the schema, and the upgrade of an older one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag

from deidflow.errors import EnvironmentFault, VaultMismatch
from deidflow.identity.sealing import RowKey, Sealer
from deidflow.identity.secret import Keys

NAME = "deidflow.sqlite"
"""The name of the database in a vault."""
SCHEMA_NUMBER = 2
"""`PRAGMA user_version`. 0: sealed values bound to no row. 1: bound to their row. 2: with the
tables of withdrawals and bundles, which an older version must not ignore."""
_BOUND = 1
PATIENTS = "patients"
SESSIONS = "sessions"
_BUSY_SECONDS = 60
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
DROP TABLE IF EXISTS files;
CREATE TABLE IF NOT EXISTS patients (
    project TEXT, level TEXT, lookup BLOB, pseudonym TEXT NOT NULL, shift_days INTEGER NOT NULL,
    anchor TEXT, sealed BLOB NOT NULL,
    PRIMARY KEY (project, level, lookup), UNIQUE (project, level, pseudonym));
CREATE TABLE IF NOT EXISTS sessions (
    project TEXT, level TEXT, lookup BLOB, pseudonym TEXT NOT NULL, label TEXT NOT NULL,
    published INTEGER NOT NULL DEFAULT 0, sealed BLOB NOT NULL,
    PRIMARY KEY (project, level, lookup));
CREATE TABLE IF NOT EXISTS withdrawn (token BLOB PRIMARY KEY);
CREATE TABLE IF NOT EXISTS retired (
    project TEXT, level TEXT, pseudonym TEXT, PRIMARY KEY (project, level, pseudonym));
CREATE TABLE IF NOT EXISTS releases (
    project TEXT, level TEXT, path BLOB, PRIMARY KEY (project, level, path));
CREATE TABLE IF NOT EXISTS bundles (
    project TEXT, level TEXT, number INTEGER, recipient TEXT NOT NULL, made TEXT NOT NULL,
    sha256 TEXT NOT NULL, PRIMARY KEY (project, level, number));
CREATE TABLE IF NOT EXISTS bundled_sessions (
    project TEXT, level TEXT, number INTEGER, session TEXT, version INTEGER NOT NULL,
    digest TEXT NOT NULL, PRIMARY KEY (project, level, number, session));
CREATE TABLE IF NOT EXISTS sent (
    project TEXT, level TEXT, peer TEXT, uid TEXT, sha256 TEXT NOT NULL, subject TEXT NOT NULL,
    session TEXT NOT NULL, routing TEXT NOT NULL, state TEXT NOT NULL, time TEXT NOT NULL,
    PRIMARY KEY (project, level, peer, uid));
CREATE TABLE IF NOT EXISTS fetched (
    peer TEXT, lookup BLOB, instances INTEGER NOT NULL, time TEXT NOT NULL,
    PRIMARY KEY (peer, lookup));
CREATE TABLE IF NOT EXISTS audit_keys (
    project TEXT, level TEXT, pseudonym TEXT, sealed BLOB NOT NULL,
    PRIMARY KEY (project, level, pseudonym));
CREATE TABLE IF NOT EXISTS audit_heads (
    project TEXT, level TEXT, sealed BLOB NOT NULL, PRIMARY KEY (project, level));
CREATE INDEX IF NOT EXISTS sessions_of_a_subject ON sessions (project, level, pseudonym, label);
"""
_SELECT_SEALED = {
    PATIENTS: "SELECT project, level, lookup, sealed FROM patients",
    SESSIONS: "SELECT project, level, lookup, sealed FROM sessions",
}
_UPDATE_SEALED = {
    PATIENTS: "UPDATE patients SET sealed = ? WHERE project = ? AND level = ? AND lookup = ?",
    SESSIONS: "UPDATE sessions SET sealed = ? WHERE project = ? AND level = ? AND lookup = ?",
}


def open_database(folder: Path, keys: Keys) -> sqlite3.Connection:
    """The database of a vault, made or upgraded where needed.

    Raises VaultMismatch for another secret, before anything is changed, and EnvironmentFault where
    the database cannot be opened or was made by a newer version.
    """
    try:
        database = _connect(folder / NAME)
    except sqlite3.Error as error:
        raise _fault(error) from None

    try:
        _prepare(database, keys)
    except sqlite3.Error as error:
        database.close()
        raise _fault(error) from None
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing, and no other writer meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def is_intact(database: sqlite3.Connection) -> bool:
    """Whether the database finds its own pages and indices sound."""
    cursor = database.execute("PRAGMA integrity_check")
    first_row = cursor.fetchone()
    return bool(first_row[0] == "ok")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
        check_same_thread=False,
    )


def _fault(error: sqlite3.Error) -> EnvironmentFault:
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return EnvironmentFault(
        f"the vault's database cannot be opened ({name}); check the vault's disk and its "
        "permissions, and restore the vault from a backup where the file is damaged"
    )


def _prepare(database: sqlite3.Connection, keys: Keys) -> None:
    if _schema_number(database) > SCHEMA_NUMBER:
        raise EnvironmentFault(
            "the vault was written by a newer version of deidflow; install that version to open it"
        )

    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.executescript(_SCHEMA)
    _check_secret(database, keys)
    _upgrade(database, keys)


def _schema_number(database: sqlite3.Connection) -> int:
    cursor = database.execute("PRAGMA user_version")
    return int(cursor.fetchone()[0])


def _check_secret(database: sqlite3.Connection, keys: Keys) -> None:
    """Bind a new database to the secret; raise VaultMismatch for a database of another one."""
    fingerprint = _fingerprint(database)
    if fingerprint is None:
        with transaction(database):
            database.execute(
                "INSERT OR IGNORE INTO meta VALUES ('fingerprint', ?)",
                (keys.fingerprint,),
            )
        # Another process may have been faster.
        fingerprint = _fingerprint(database)

    if fingerprint != keys.fingerprint:
        raise VaultMismatch(
            "this vault was made with another secret; name the right one in DEIDFLOW_SECRET_FILE"
        )


def _fingerprint(database: sqlite3.Connection) -> str | None:
    cursor = database.execute("SELECT value FROM meta WHERE name = 'fingerprint'")
    row = cursor.fetchone()
    if row is None:
        return None
    return str(row[0])


def _upgrade(database: sqlite3.Connection, keys: Keys) -> None:
    if _schema_number(database) == SCHEMA_NUMBER:
        return

    with transaction(database):
        # Another process may have upgraded while this one waited for the lock.
        if _schema_number(database) == SCHEMA_NUMBER:
            return
        if _schema_number(database) < _BOUND:
            for table in _SELECT_SEALED:
                _bind_values(
                    database,
                    keys.master,
                    table,
                )
        database.execute(f"PRAGMA user_version = {SCHEMA_NUMBER}")


def _bind_values(database: sqlite3.Connection, master: bytes, table: str) -> None:
    cursor = database.execute(_SELECT_SEALED[table])
    rows = cursor.fetchall()
    for project, level, lookup, unbound in rows:
        sealer = Sealer(Keys(master, project, level))
        # A damaged value stays as it is: `vault check` names it, and the rest can be used.
        with suppress(InvalidTag):
            sealed = sealer.bind(RowKey(table, lookup), unbound)
            database.execute(
                _UPDATE_SEALED[table],
                (sealed, project, level, lookup),
            )
