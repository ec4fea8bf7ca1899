"""Patients of one project and level, in the vault's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from deidflow.identity.database import PATIENTS
from deidflow.identity.sealing import RowKey, Sealer
from deidflow.identity.secret import Keys


@dataclass(frozen=True)
class PatientRow:
    """A patient as stored, without the original values."""

    pseudonym: str
    shift_days: int
    anchor: str | None
    """ISO date from which the labels of published sessions count."""


@dataclass(frozen=True)
class PatientOriginals:
    """A patient with the original values."""

    pseudonym: str
    shift_days: int
    values: dict[str, str]


class PatientTable:
    """The rows of one project and level."""

    def __init__(self, database: sqlite3.Connection, keys: Keys) -> None:
        self._database = database
        self._scope = keys.project, keys.level
        self._keys = keys
        self._sealer = Sealer(keys)

    def lookup(self, key: str) -> bytes:
        """The keyed hash by which the patient with this key is found."""
        return self._keys.lookup("patient", key)

    def pseudonyms(self) -> dict[bytes, str]:
        """Lookup -> pseudonym of everybody."""
        rows = self._database.execute(
            "SELECT lookup, pseudonym FROM patients WHERE project = ? AND level = ?",
            self._scope,
        )
        return dict(rows.fetchall())

    def retired(self) -> dict[bytes, str]:
        """Pseudonyms that nobody gets again, by keys that are no lookup."""
        rows = self._database.execute(
            "SELECT pseudonym FROM retired WHERE project = ? AND level = ?",
            self._scope,
        )
        return {f"retired {pseudonym}".encode(): pseudonym for (pseudonym,) in rows}

    def erase(self, pseudonym: str) -> None:
        """Delete a patient, whose pseudonym nobody gets again."""
        scope = (*self._scope, pseudonym)
        self._database.execute(
            "DELETE FROM patients WHERE project = ? AND level = ? AND pseudonym = ?",
            scope,
        )
        self._database.execute("INSERT OR IGNORE INTO retired VALUES (?, ?, ?)", scope)

    def insert(
        self,
        key: str,
        pseudonym: str,
        shift_days: int,
        original: dict[str, str],
    ) -> None:
        """Store a new patient."""
        lookup = self.lookup(key)
        row_key = RowKey(PATIENTS, lookup)
        row = (
            *self._scope,
            lookup,
            pseudonym,
            shift_days,
            None,
            self._sealer.seal(row_key, original),
        )
        self._database.execute(
            "INSERT INTO patients VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )

    def select(self, key: str) -> PatientRow:
        """The patient with this key, who must be there."""
        cursor = self._database.execute(
            "SELECT pseudonym, shift_days, anchor FROM patients "
            "WHERE project = ? AND level = ? AND lookup = ?",
            (*self._scope, self.lookup(key)),
        )
        pseudonym, shift_days, anchor = cursor.fetchone()
        return PatientRow(pseudonym, shift_days, anchor)

    def original(self, key: str) -> dict[str, str] | None:
        """The original values of the patient with this key; None for somebody new."""
        lookup = self.lookup(key)
        cursor = self._database.execute(
            "SELECT sealed FROM patients WHERE project = ? AND level = ? AND lookup = ?",
            (*self._scope, lookup),
        )
        row = cursor.fetchone()
        if row is None:
            return None
        return self._unsealed(lookup, row[0])

    def originals(self) -> Iterator[PatientOriginals]:
        """Everybody by pseudonym; raises InvalidTag for a damaged row."""
        cursor = self._database.execute(
            "SELECT lookup, pseudonym, shift_days, sealed FROM patients "
            "WHERE project = ? AND level = ? ORDER BY pseudonym",
            self._scope,
        )
        rows = cursor.fetchall()
        for lookup, pseudonym, shift_days, sealed in rows:
            values = self._unsealed(lookup, sealed)
            yield PatientOriginals(
                pseudonym,
                shift_days,
                values,
            )

    def set_anchor(self, pseudonym: str, anchor: str | None) -> None:
        """Fix the date from which the labels of a patient count."""
        self._database.execute(
            "UPDATE patients SET anchor = ? WHERE project = ? AND level = ? AND pseudonym = ?",
            (anchor, *self._scope, pseudonym),
        )

    def _unsealed(self, lookup: bytes, sealed: bytes) -> dict[str, str]:
        row_key = RowKey(PATIENTS, lookup)
        values: dict[str, str] = self._sealer.unseal(row_key, sealed)
        return values


def select_scopes(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Every project and level with patients, or with an audit."""
    rows = database.execute(
        "SELECT project, level FROM patients UNION SELECT project, level FROM audit_heads "
        "ORDER BY project, level"
    )
    return list(rows)
