"""Two databases: what is known of files, kept in the vault, and the files of one run."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from deidflow.errors import EnvironmentFault

KNOWN_NAME = "inventory.sqlite"
"""What was read of source files; in the vault, for all projects and levels."""
LISTING_NAME = "listing.sqlite"
MEMBERS_NAME = "members.sqlite"
"""The files of a run, and those that were in archives; in its work folder while it goes on."""
_BUSY_SECONDS = 60
_SCHEMA_NUMBER = 1
"""`PRAGMA user_version`. Another one is emptied: everything can be read again."""
_KNOWN = """
CREATE TABLE IF NOT EXISTS known.headers (
    digest BLOB PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known.files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER,
    reader TEXT, sha256 TEXT, verdict TEXT, reason TEXT, absent TEXT, header BLOB, own TEXT
    ) WITHOUT ROWID;
"""
_LISTING = """
CREATE TABLE headers (digest BLOB PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE listing (
    number INTEGER PRIMARY KEY, locator BLOB UNIQUE, size INTEGER, mtime_ns INTEGER,
    ctime_ns INTEGER, inode INTEGER, is_read INTEGER NOT NULL, sha256 TEXT, verdict TEXT,
    reason TEXT, absent TEXT, header BLOB, own TEXT, owner TEXT);
CREATE TABLE subjects (key TEXT PRIMARY KEY, content BLOB, numbers TEXT) WITHOUT ROWID;
"""


def open_known(folder: Path) -> sqlite3.Connection:
    """What is known of files, as `known`. Raises EnvironmentFault where it cannot be opened."""
    try:
        database = connect(":memory:")
        _attach_known(database, folder)
    except sqlite3.Error as error:
        raise _fault(error) from None
    return database


def open_listing(path: Path, known: Path | None) -> sqlite3.Connection:
    """A new, empty listing at `path`; beside it as `known` what is kept in a folder, if in any.

    Nothing of it goes to a temporary file elsewhere: paths may identify.
    """
    for leftover in (path, path.with_name(f"{path.name}-journal")):
        leftover.unlink(missing_ok=True)
    try:
        make_private(path)
        database = connect(path)
        # It is made anew by every run, so that it need not outlive a crash.
        database.execute("PRAGMA journal_mode=OFF")
        database.execute("PRAGMA synchronous=OFF")
        database.execute("PRAGMA temp_store=MEMORY")
        database.executescript(_LISTING)
        if known is not None:
            _attach_known(database, known)
    except sqlite3.Error as error:
        raise _fault(error) from None
    return database


def stored_path(path: str | os.PathLike[str]) -> bytes:
    """A path as the databases have it: names need not be UTF-8, and the order is that of Python."""
    return os.fspath(path).encode("utf-8", "surrogatepass")


def path_of(stored: bytes) -> str:
    """The inverse of `stored_path`."""
    return stored.decode("utf-8", "surrogatepass")


def connect(path: Path | str) -> sqlite3.Connection:
    """A database without transactions of its own making, for any thread."""
    return sqlite3.connect(
        path,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
        check_same_thread=False,
    )


def make_private(path: Path) -> None:
    """SQLite gives its other files the mode of the first."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.close(descriptor)


def _attach_known(database: sqlite3.Connection, folder: Path) -> None:
    path = folder / KNOWN_NAME
    make_private(path)
    database.execute("ATTACH DATABASE ? AS known", (os.fspath(path),))
    database.execute("PRAGMA known.journal_mode=WAL")
    database.execute("PRAGMA known.synchronous=NORMAL")
    number = database.execute("PRAGMA known.user_version").fetchone()[0]
    if number == _SCHEMA_NUMBER:
        return
    if number:
        database.executescript("DROP TABLE known.files; DROP TABLE known.headers;")
    database.executescript(_KNOWN)
    database.execute(f"PRAGMA known.user_version = {_SCHEMA_NUMBER}")


def _fault(error: sqlite3.Error) -> EnvironmentFault:
    return EnvironmentFault(f"the inventory of the vault cannot be opened: {type(error).__name__}")
