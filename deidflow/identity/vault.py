"""The vault: identities in SQLite, found by keyed hash, originals sealed; one writer, the parent process."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deidflow.errors import EnvironmentFault, VaultMismatch
from deidflow.identity.persons import Person
from deidflow.identity.secret import Keys
from deidflow.identity.sessions import DatedStudy, label_sessions
from deidflow.identity.strategies import Namer
from deidflow.settings import IdSettings, SessionSettings

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER, entry TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS patients (
    project TEXT, level TEXT, lookup BLOB, pseudonym TEXT NOT NULL, shift_days INTEGER NOT NULL,
    anchor TEXT, sealed BLOB NOT NULL,
    PRIMARY KEY (project, level, lookup), UNIQUE (project, level, pseudonym));
CREATE TABLE IF NOT EXISTS sessions (
    project TEXT, level TEXT, lookup BLOB, pseudonym TEXT NOT NULL, label TEXT NOT NULL,
    published INTEGER NOT NULL DEFAULT 0, sealed BLOB NOT NULL,
    PRIMARY KEY (project, level, lookup));
CREATE INDEX IF NOT EXISTS sessions_of_a_subject ON sessions (project, level, pseudonym, label);
"""


@dataclass(frozen=True)
class Identity:
    """What a patient is called in one project and level."""

    pseudonym: str
    shift_days: int
    labels: dict[str, str]
    """Study UID -> session label."""


class Vault:
    """The database of one vault, for one project and level."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder = folder
        self.keys = keys
        self._cipher = AESGCM(keys.derive("seal"))
        try:
            self._database = sqlite3.connect(
                folder / "deidflow.sqlite", isolation_level=None, timeout=60, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise EnvironmentFault(f"the vault's database cannot be opened: {type(error).__name__}") from None
        self._check_secret()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _check_secret(self) -> None:
        row = self._database.execute("SELECT value FROM meta WHERE name = 'fingerprint'").fetchone()
        if row is None:
            with self._transaction() as database:
                database.execute("INSERT INTO meta VALUES ('fingerprint', ?)", (self.keys.fingerprint,))
        elif row[0] != self.keys.fingerprint:
            raise VaultMismatch("this vault was made with another secret; name the right one in DEIDFLOW_SECRET_FILE")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @property
    def _scope(self) -> tuple[str, str]:
        return self.keys.project, self.keys.level

    # inventory

    def known_files(self, root: Path) -> dict[str, tuple[tuple[int, int, int, int], str]]:
        """Relative path -> signature and entry JSON of every file read before below `root`."""
        prefix = _located(root, "")
        query = "SELECT path, size, mtime_ns, ctime_ns, inode, entry FROM files WHERE substr(path, 1, ?) = ?"
        rows = self._database.execute(query, (len(prefix), prefix))
        return {os.fsdecode(row[0][len(prefix) :]): (tuple(row[1:5]), row[5]) for row in rows}

    def remember_files(
        self, root: Path, fresh: Iterable[tuple[str, tuple[int, int, int, int], str]], gone: Iterable[str]
    ) -> None:
        """Store entries that were read now, and forget files that are no longer there."""
        with self._transaction() as database:
            rows = ((_located(root, path), *signature, entry) for path, signature, entry in fresh)
            database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)
            database.executemany("DELETE FROM files WHERE path = ?", ((_located(root, path),) for path in gone))

    # identities

    def identify(
        self,
        persons: Sequence[Person],
        ids: IdSettings | None = None,
        sessions: SessionSettings | None = None,
    ) -> dict[str, Identity]:
        """Assign pseudonyms and session labels in one transaction; what is published never changes.

        New patients are named in the order of their keyed hash, which says nothing about names.
        """
        namer = Namer(ids or IdSettings(), self.keys)
        with self._transaction() as database:
            taken = self._pseudonyms(database)
            ordered = sorted(persons, key=lambda one: self._patient(one.key))
            new = [person for person in ordered if self._patient(person.key) not in taken]
            names = namer.names(new, taken, persons)
            for person in new:
                self._insert(database, person, names[person.key])
            wanted = sessions or SessionSettings()
            return {person.key: self._identity(database, person, wanted) for person in persons}

    def _patient(self, key: str) -> bytes:
        return self.keys.lookup("patient", key)

    def _study(self, uid: str) -> bytes:
        return self.keys.lookup("study", uid)

    def _pseudonyms(self, database: sqlite3.Connection) -> dict[bytes, str]:
        query = "SELECT lookup, pseudonym FROM patients WHERE project = ? AND level = ?"
        return dict(database.execute(query, self._scope).fetchall())

    def _insert(self, database: sqlite3.Connection, person: Person, pseudonym: str) -> None:
        lookup = self._patient(person.key)
        shift = shift_days(self.keys, person)
        sealed = self._seal(person.original)
        row = (*self._scope, lookup, pseudonym, shift, None, sealed)
        database.execute("INSERT INTO patients VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _identity(self, database: sqlite3.Connection, person: Person, wanted: SessionSettings) -> Identity:
        query = "SELECT pseudonym, shift_days, anchor FROM patients WHERE project = ? AND level = ? AND lookup = ?"
        pseudonym, shift, anchor = database.execute(query, (*self._scope, self._patient(person.key))).fetchone()
        published = self._published(database, pseudonym)
        studies = [DatedStudy(self._study(uid), day) for uid, day in person.studies.items()]
        fixed_anchor = date.fromisoformat(anchor) if anchor else None
        labels, used_anchor = label_sessions(studies, published, fixed_anchor, wanted)
        forget = "DELETE FROM sessions WHERE project = ? AND level = ? AND pseudonym = ? AND NOT published"
        database.execute(forget, (*self._scope, pseudonym))
        for uid, day in person.studies.items():
            if self._study(uid) not in published:
                sealed = self._seal({"study": uid, "date": str(day or ""), "anchor": str(used_anchor or "")})
                row = (*self._scope, self._study(uid), pseudonym, labels[self._study(uid)], 0, sealed)
                database.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return Identity(pseudonym, shift, {uid: labels[self._study(uid)] for uid in person.studies})

    def _published(self, database: sqlite3.Connection, pseudonym: str) -> dict[bytes, str]:
        query = "SELECT lookup, label FROM sessions WHERE project = ? AND level = ? AND pseudonym = ? AND published"
        return dict(database.execute(query, (*self._scope, pseudonym)).fetchall())

    def _set_anchor(self, database: sqlite3.Connection, pseudonym: str, anchor: str | None) -> None:
        query = "UPDATE patients SET anchor = ? WHERE project = ? AND level = ? AND pseudonym = ?"
        database.execute(query, (anchor, *self._scope, pseudonym))

    def mark_published(self, sessions: Iterable[tuple[str, str]]) -> None:
        """Fix the labels of (pseudonym, label) pairs, and the date that the subject's labels count from."""
        find = "SELECT lookup, sealed FROM sessions WHERE project = ? AND level = ? AND pseudonym = ? AND label = ?"
        fix = "UPDATE sessions SET published = 1 WHERE project = ? AND level = ? AND lookup = ?"
        with self._transaction() as database:
            for pseudonym, label in sessions:
                row = database.execute(find, (*self._scope, pseudonym, label)).fetchone()
                if row is not None:
                    database.execute(fix, (*self._scope, row[0]))
                    anchor = self.unseal(row[1])["anchor"]
                    self._set_anchor(database, pseudonym, anchor or None)

    def published_of(self, study_uids: Iterable[str]) -> set[tuple[str, str]]:
        """(pseudonym, label) of the published sessions among these studies."""
        query = "SELECT lookup, pseudonym, label FROM sessions WHERE project = ? AND level = ? AND published"
        known = {row[0]: (row[1], row[2]) for row in self._database.execute(query, self._scope)}
        return {known[lookup] for uid in study_uids if (lookup := self._study(uid)) in known}

    # sealing

    def _seal(self, value: Mapping[str, Any]) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, json.dumps(value, sort_keys=True).encode(), None)

    def unseal(self, sealed: bytes) -> Any:
        """The original values in a sealed field."""
        return json.loads(self._cipher.decrypt(sealed[:12], sealed[12:], None))


def _located(root: Path, path: str) -> bytes:
    """A path as the file system has it: names need not be UTF-8."""
    return os.fsencode(f"{root}{os.sep}{path}")


def shift_days(keys: Keys, person: Person) -> int:
    """Whole days into the past, up to five years; redrawn while a shifted date hits one of the patient's own."""
    draw = 0
    while True:
        number = int.from_bytes(keys.lookup("shift", f"{person.key}|{draw}")[:8], "big")
        days = -(number % 1825 + 1)
        moved = {day.toordinal() + days for day in person.dates}
        if not moved & {day.toordinal() for day in person.dates} or draw > 1000:
            return days
        draw += 1
