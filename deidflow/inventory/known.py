"""What a vault remembers of source files, whatever project, level and source."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from deidflow.dicom.demographics import Demographics
from deidflow.inventory.database import open_known, path_of, stored_path
from deidflow.inventory.packed import patient_of

Patient = tuple[Demographics, str]
"""Who a file is of, and its study UID."""
_ORPHANS = """
DELETE FROM known.headers WHERE digest NOT IN
    (SELECT header FROM known.files WHERE header IS NOT NULL)
"""


def known_patients(folder: Path) -> Iterator[tuple[Path, Patient | None]]:
    """Path of every file that was read below whatever source, and its patient, if it has one."""
    with closing(open_known(folder)) as database:
        patients: dict[bytes, Patient] = {}
        headers = database.execute("SELECT digest, facts FROM known.headers")
        for digest, facts in headers:
            patients[digest] = patient_of(facts)

        files = database.execute("SELECT path, header FROM known.files ORDER BY path")
        for stored, digest in files:
            path = Path(path_of(stored))
            yield path, patients.get(digest)


def forget_known(folder: Path, paths: Iterable[Path]) -> None:
    """Forget what was read of files; the disk holds nothing of it afterwards."""
    with closing(open_known(folder)) as database:
        delete_known(database, paths)
        database.execute("VACUUM known")
        database.execute("PRAGMA known.wal_checkpoint(TRUNCATE)")


def delete_known(database: sqlite3.Connection, paths: Iterable[Path]) -> None:
    """Delete the rows of files, and headers that no file has any more."""
    rows = [(stored_path(path),) for path in paths]
    database.execute("BEGIN IMMEDIATE")
    database.executemany("DELETE FROM known.files WHERE path = ?", rows)
    database.execute(_ORPHANS)
    database.execute("COMMIT")
