"""Prefect's database of runs: where it is, and one without any run, made once per machine.

Its migrations take 4 s of CPU, and what they make is the same for every vault.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from importlib import metadata
from pathlib import Path

from deidflow.store.machine_cache import is_intact, keep, machine_cache, take

_ELSEWHERE = (
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    "PREFECT_API_DATABASE_CONNECTION_URL",
)
_OF_MIGRATIONS = "alembic_version"


def history_file(home: Path) -> Path:
    """The database of the runs of a vault, unless the site keeps it on a server."""
    return home / "prefect.db"


def provide_history(home: Path) -> None:
    """Give a new vault a database without any run, where this machine has one."""
    path = history_file(home)
    if not path.exists() and not _is_elsewhere():
        take(_kept(), path)


def keep_history(home: Path) -> None:
    """Keep the database of a server that has just started for other vaults, if it is empty."""
    kept, path = _kept(), history_file(home)
    if _is_elsewhere() or is_intact(kept) or not path.exists():
        return

    copy = path.with_suffix(".empty")
    try:
        _copy(path, copy)
        if _is_empty(copy):
            keep(copy, kept)
    finally:
        copy.unlink(missing_ok=True)


def _is_elsewhere() -> bool:
    return any(os.environ.get(name) for name in _ELSEWHERE)


def _kept() -> Path:
    version = metadata.version("prefect")
    return machine_cache() / f"history-prefect-{version}.db"


def _copy(path: Path, target: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def _is_empty(path: Path) -> bool:
    """Whether no table holds a row but that of the migrations."""
    with closing(sqlite3.connect(path)) as database:
        named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != ?"
        tables = [name for (name,) in database.execute(named, (_OF_MIGRATIONS,))]
        return not any(_has_rows(database, table) for table in tables)


def _has_rows(database: sqlite3.Connection, table: str) -> bool:
    query = f'SELECT 1 FROM "{table}" LIMIT 1'  # noqa: S608 - a name from the schema itself
    return database.execute(query).fetchone() is not None
