"""What was read of source files before, in the vault's database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

FileSignature = tuple[int, int, int, int]
"""Size, mtime_ns, ctime_ns and inode."""


def select_files(database: sqlite3.Connection, root: Path) -> dict[str, tuple[FileSignature, str]]:
    """Relative path -> signature and entry JSON of every file below `root`."""
    prefix = _located(root, "")
    length = len(prefix)
    rows = database.execute(
        "SELECT path, size, mtime_ns, ctime_ns, inode, entry FROM files "
        "WHERE substr(path, 1, ?) = ?",
        (length, prefix),
    )

    files: dict[str, tuple[FileSignature, str]] = {}
    for path, size, mtime_ns, ctime_ns, inode, entry in rows:
        name = os.fsdecode(path[length:])
        signature = size, mtime_ns, ctime_ns, inode
        files[name] = signature, entry
    return files


def replace_files(
    database: sqlite3.Connection,
    root: Path,
    fresh: Iterable[tuple[str, FileSignature, str]],
) -> None:
    """Store path, signature and entry JSON of files that were read now."""
    rows = ((_located(root, path), *signature, entry) for path, signature, entry in fresh)
    database.executemany(
        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )


def delete_files(database: sqlite3.Connection, root: Path, gone: Iterable[str]) -> None:
    """Forget files that are no longer there."""
    rows = ((_located(root, path),) for path in gone)
    database.executemany(
        "DELETE FROM files WHERE path = ?",
        rows,
    )


def select_entries(database: sqlite3.Connection) -> Iterator[tuple[Path, str]]:
    """Path and entry JSON of every file, below whatever root."""
    for path, entry in database.execute("SELECT path, entry FROM files"):
        yield Path(os.fsdecode(path)), entry


def _located(root: Path, path: str) -> bytes:
    """A path as the file system has it: names need not be UTF-8."""
    return os.fsencode(f"{root}{os.sep}{path}")
