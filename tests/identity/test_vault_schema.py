"""A vault of an older version is upgraded; sealed values open in their own row only."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import date
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deidflow.errors import EnvironmentFault, VaultMismatch
from deidflow.identity.database import SCHEMA_NUMBER
from deidflow.identity.persons import Person
from deidflow.identity.registry import open_registry, problems
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault

FIRST_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER,
    entry TEXT NOT NULL);
CREATE TABLE patients (
    project TEXT, level TEXT, lookup BLOB, pseudonym TEXT NOT NULL, shift_days INTEGER NOT NULL,
    anchor TEXT, sealed BLOB NOT NULL,
    PRIMARY KEY (project, level, lookup), UNIQUE (project, level, pseudonym));
CREATE TABLE sessions (
    project TEXT, level TEXT, lookup BLOB, pseudonym TEXT NOT NULL, label TEXT NOT NULL,
    published INTEGER NOT NULL DEFAULT 0, sealed BLOB NOT NULL,
    PRIMARY KEY (project, level, lookup));
CREATE INDEX sessions_of_a_subject ON sessions (project, level, pseudonym, label);
"""
SCOPES = (("default", "high"), ("default", "low"), ("trial", "high"))


def seal_unbound(keys: Keys, value: dict[str, str]) -> bytes:
    nonce = os.urandom(12)
    text = json.dumps(value, sort_keys=True).encode()
    return nonce + AESGCM(keys.derive("seal")).encrypt(nonce, text, None)


def write_first_vault(folder: Path) -> bytes:
    """A vault as the first version made it: schema number 0, one published session a scope."""
    master = load_secret(folder, {}, create=True)
    database = sqlite3.connect(folder / "deidflow.sqlite")
    database.executescript("PRAGMA journal_mode=WAL;" + FIRST_SCHEMA)
    fingerprint = Keys(master, "default", "high").fingerprint
    database.execute("INSERT INTO meta VALUES ('fingerprint', ?)", (fingerprint,))

    for project, level in SCOPES:
        keys = Keys(master, project, level)
        patient = seal_unbound(
            keys, {"patient_id": f"MRN-{project}-{level}", "patient_name": "DOE^JANE"}
        )
        study = seal_unbound(keys, {"study": "1.2.3", "date": "2020-01-01", "anchor": "2020-01-01"})
        patient_lookup = keys.lookup("patient", "id||jane")
        database.execute(
            "INSERT INTO patients VALUES (?, ?, ?, 'P007', -77, '2020-01-01', ?)",
            (project, level, patient_lookup, patient),
        )
        database.execute(
            "INSERT INTO sessions VALUES (?, ?, ?, 'P007', 'M00', 1, ?)",
            (project, level, keys.lookup("study", "1.2.3"), study),
        )
    database.commit()
    database.close()
    return master


def schema_number(folder: Path) -> int:
    database = sqlite3.connect(folder / "deidflow.sqlite")
    number = database.execute("PRAGMA user_version").fetchone()[0]
    database.close()
    return int(number)


def test_a_new_vault_has_the_number_of_its_schema(vault: Vault) -> None:
    assert schema_number(vault.folder) == SCHEMA_NUMBER


def test_identities_of_the_first_version_stay_and_are_sealed_anew(tmp_path: Path) -> None:
    master = write_first_vault(tmp_path)
    keys = Keys(master, "default", "high")
    vault = Vault(tmp_path, keys)

    jane = Person("id||jane", {}, frozenset([date(2020, 1, 1)]), {"1.2.3": date(2020, 1, 1)})
    identity = vault.identify([jane])["id||jane"]
    vault.close()

    assert (identity.pseudonym, identity.shift_days, identity.labels) == (
        "P007",
        -77,
        {"1.2.3": "M00"},
    )
    assert schema_number(tmp_path) == SCHEMA_NUMBER
    database = sqlite3.connect(tmp_path / "deidflow.sqlite")
    sealed = database.execute("SELECT sealed FROM patients WHERE level = 'low'").fetchone()[0]
    with pytest.raises(InvalidTag):
        AESGCM(Keys(master, "default", "low").derive("seal")).decrypt(
            sealed[:12], sealed[12:], None
        )


def test_every_project_and_level_is_upgraded_at_once(tmp_path: Path) -> None:
    write_first_vault(tmp_path)
    with open_registry(tmp_path) as registry:
        rows = list(registry.rows(None, None))
        words = [problem for problem in problems(registry) if "sealed values" in problem]
    assert words == []
    assert {row.patient_id for row in rows} == {
        f"MRN-{project}-{level}" for project, level in SCOPES
    }
    assert {row.sessions for row in rows} == {(("M00", "2020-01-01"),)}


def test_a_damaged_value_does_not_keep_the_others_from_being_upgraded(tmp_path: Path) -> None:
    write_first_vault(tmp_path)
    database = sqlite3.connect(tmp_path / "deidflow.sqlite")
    database.execute("UPDATE patients SET sealed = zeroblob(40) WHERE level = 'low'")
    database.commit()
    database.close()

    with open_registry(tmp_path) as registry:
        assert [row.pseudonym for row in registry.rows("default", "high")] == ["P007"]
        words = [problem for problem in problems(registry) if "sealed values" in problem]
    assert words == [
        "sealed values of project default, level low are damaged or from another secret"
    ]


def test_another_secret_changes_nothing(tmp_path: Path) -> None:
    write_first_vault(tmp_path)
    with pytest.raises(VaultMismatch):
        Vault(tmp_path, Keys(b"t" * 32, "default", "high"))
    assert schema_number(tmp_path) == 0


def test_a_vault_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    master = write_first_vault(tmp_path)
    database = sqlite3.connect(tmp_path / "deidflow.sqlite")
    database.execute(f"PRAGMA user_version = {SCHEMA_NUMBER + 1}")
    database.close()

    with pytest.raises(EnvironmentFault, match="newer version of deidflow"):
        Vault(tmp_path, Keys(master, "default", "high"))
    assert schema_number(tmp_path) == SCHEMA_NUMBER + 1


SWAPS = {
    "patients": (
        "SELECT lookup, sealed FROM patients",
        "UPDATE patients SET sealed = ? WHERE lookup = ?",
    ),
    "sessions": (
        "SELECT lookup, sealed FROM sessions",
        "UPDATE sessions SET sealed = ? WHERE lookup = ?",
    ),
}


@pytest.mark.parametrize("table", list(SWAPS))
def test_sealed_values_cannot_change_their_row(vault: Vault, table: str) -> None:
    day = date(2020, 1, 1)
    people = [
        Person(f"id||{key}", {"name": key}, frozenset([day]), {key: day}) for key in ("a", "b")
    ]
    vault.identify(people)

    database = sqlite3.connect(vault.folder / "deidflow.sqlite")
    select, update = SWAPS[table]
    (first, first_sealed), (second, second_sealed) = database.execute(select).fetchall()
    database.execute(update, (second_sealed, first))
    database.execute(update, (first_sealed, second))
    database.commit()
    database.close()

    with pytest.raises(InvalidTag):
        list(vault.originals())
