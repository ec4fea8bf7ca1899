"""Where the releases of a vault are, in its database."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from deidflow.identity.secret import Keys


def insert_release(database: sqlite3.Connection, keys: Keys, release: Path) -> None:
    """Keep the place of a release of a project and level."""
    database.execute(
        "INSERT OR IGNORE INTO releases VALUES (?, ?, ?)",
        (keys.project, keys.level, os.fsencode(release)),
    )


def select_releases(database: sqlite3.Connection, keys: Keys) -> list[Path]:
    """The places of all releases of a project and level, sorted."""
    rows = database.execute(
        "SELECT path FROM releases WHERE project = ? AND level = ? ORDER BY path",
        (keys.project, keys.level),
    )
    return [Path(os.fsdecode(path)) for (path,) in rows]
