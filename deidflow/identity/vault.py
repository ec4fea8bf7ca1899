"""The vault: identities in SQLite, found by keyed hash, originals sealed; one writer, the parent process."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from deidflow.dicom.demographics import Demographics
from deidflow.identity.database import open_database, transaction
from deidflow.identity.persons import Person
from deidflow.identity.sealing import RowKey, Sealer
from deidflow.identity.secret import Keys
from deidflow.identity.sessions import DatedStudy, label_sessions
from deidflow.identity.strategies import Namer
from deidflow.settings.sections import IdSettings, SessionSettings


@dataclass(frozen=True)
class Identity:
    """What a patient is called in one project and level."""

    pseudonym: str
    shift_days: int
    labels: dict[str, str]
    """Study UID -> session label."""


@dataclass(frozen=True)
class Original:
    """Who stands behind a pseudonym."""

    pseudonym: str
    shift_days: int
    values: dict[str, str]
    sessions: tuple[tuple[str, str], ...]
    """Label and date."""


class Vault:
    """The database of one vault, for one project and level."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder = folder
        self.keys = keys
        self._sealer = Sealer(keys)
        self._database = open_database(folder, keys)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        return transaction(self._database)

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
        self,
        root: Path,
        fresh: Iterable[tuple[str, tuple[int, int, int, int], str]],
        gone: Iterable[str],
    ) -> None:
        """Store entries that were read now, and forget files that are no longer there."""
        with self._transaction() as database:
            rows = ((_located(root, path), *signature, entry) for path, signature, entry in fresh)
            database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)
            database.executemany(
                "DELETE FROM files WHERE path = ?", ((_located(root, path),) for path in gone)
            )

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

    def demographics(self, key: str) -> Demographics | None:
        """What the patient with this key was said to be when first seen; None for a new one."""
        query = "SELECT sealed FROM patients WHERE project = ? AND level = ? AND lookup = ?"
        lookup = self._patient(key)
        row = self._database.execute(query, (*self._scope, lookup)).fetchone()
        if row is None:
            return None
        original = self._sealer.unseal(RowKey("patients", lookup), row[0])
        names = ("patient_id", "issuer", "patient_name", "birth_date", "patient_sex")
        return Demographics(*(str(original.get(name, "")) for name in names))

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
        sealed = self._sealer.seal(RowKey("patients", lookup), person.original)
        row = (*self._scope, lookup, pseudonym, shift, None, sealed)
        database.execute("INSERT INTO patients VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _identity(
        self, database: sqlite3.Connection, person: Person, wanted: SessionSettings
    ) -> Identity:
        query = "SELECT pseudonym, shift_days, anchor FROM patients WHERE project = ? AND level = ? AND lookup = ?"
        pseudonym, shift, anchor = database.execute(
            query, (*self._scope, self._patient(person.key))
        ).fetchone()
        published = self._published(database, pseudonym)
        studies = [DatedStudy(self._study(uid), day) for uid, day in person.studies.items()]
        fixed_anchor = date.fromisoformat(anchor) if anchor else None
        labels, used_anchor = label_sessions(studies, published, fixed_anchor, wanted)
        forget = "DELETE FROM sessions WHERE project = ? AND level = ? AND pseudonym = ? AND NOT published"
        database.execute(forget, (*self._scope, pseudonym))
        for uid, day in person.studies.items():
            if self._study(uid) not in published:
                lookup = self._study(uid)
                original = {"study": uid, "date": str(day or ""), "anchor": str(used_anchor or "")}
                sealed = self._sealer.seal(RowKey("sessions", lookup), original)
                row = (*self._scope, lookup, pseudonym, labels[lookup], 0, sealed)
                database.execute(
                    "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", row
                )
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
                    anchor = self._sealer.unseal(RowKey("sessions", row[0]), row[1])["anchor"]
                    self._set_anchor(database, pseudonym, anchor or None)

    def published_of(self, study_uids: Iterable[str]) -> set[tuple[str, str]]:
        """(pseudonym, label) of the published sessions among these studies."""
        query = "SELECT lookup, pseudonym, label FROM sessions WHERE project = ? AND level = ? AND published"
        known = {row[0]: (row[1], row[2]) for row in self._database.execute(query, self._scope)}
        return {known[lookup] for uid in study_uids if (lookup := self._study(uid)) in known}

    # originals

    def scopes(self) -> list[tuple[str, str]]:
        """Projects and levels in this vault."""
        query = "SELECT DISTINCT project, level FROM patients ORDER BY project, level"
        return list(self._database.execute(query))

    def originals(self) -> Iterator[Original]:
        """Every patient of this project and level, by pseudonym; raises InvalidTag for a damaged one."""
        query = (
            "SELECT lookup, pseudonym, shift_days, sealed FROM patients "
            "WHERE project = ? AND level = ? ORDER BY pseudonym"
        )
        for lookup, pseudonym, shift, sealed in self._database.execute(
            query, self._scope
        ).fetchall():
            values = self._sealer.unseal(RowKey("patients", lookup), sealed)
            yield Original(pseudonym, shift, values, tuple(self._session_dates(pseudonym)))

    def _session_dates(self, pseudonym: str) -> Iterator[tuple[str, str]]:
        query = (
            "SELECT lookup, label, sealed FROM sessions "
            "WHERE project = ? AND level = ? AND pseudonym = ? ORDER BY label"
        )
        for lookup, label, sealed in self._database.execute(query, (*self._scope, pseudonym)):
            yield label, str(self._sealer.unseal(RowKey("sessions", lookup), sealed)["date"])

    def is_intact(self) -> bool:
        """Whether the database finds its own pages and indices sound."""
        return bool(self._database.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


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
