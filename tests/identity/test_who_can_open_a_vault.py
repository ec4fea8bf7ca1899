"""The secret, sealed values, and what those who hold it can look up, export and check."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from deidflow.errors import EnvironmentFault, UsageError, VaultMismatch
from deidflow.identity.database import is_intact, open_database, transaction
from deidflow.identity.persons import Person
from deidflow.identity.registry import Registry, export_csv, open_registry, problems
from deidflow.identity.sealing import RowKey, Sealer
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from tests.places import write_secret

KEYS = Keys(b"s" * 32, "default", "high")
ROW = RowKey("patients", b"lookup")
DAY = date(2020, 1, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A vault with a patient at two levels."""
    vault = write_secret(tmp_path / "vault")
    for level in ("high", "low"):
        add_patient(vault, "default", level, "Zimmerquast^Jo", "=7")
    return vault


@pytest.fixture
def registry(folder: Path) -> Iterator[Registry]:
    with open_registry(folder) as opened:
        yield opened


def add_patient(folder: Path, project: str, level: str, name: str, patient_id: str) -> None:
    original = {"patient_id": patient_id, "patient_name": name}
    person = Person(f"id||{patient_id}", original, frozenset([DAY]), {"1.2.3": DAY, "1.2.4": None})
    vault = Vault(folder, Keys(load_secret(folder, {}, create=False), project, level))
    vault.identify([person])
    vault.close()


def test_a_sealed_value_opens_in_its_row() -> None:
    sealed = Sealer(KEYS).seal(ROW, {"name": "Zimmerquast"})
    assert Sealer(KEYS).unseal(ROW, sealed) == {"name": "Zimmerquast"}
    assert b"Zimmerquast" not in sealed


def test_equal_values_are_sealed_differently() -> None:
    sealer = Sealer(KEYS)
    assert sealer.seal(ROW, {"name": "x"}) != sealer.seal(ROW, {"name": "x"})


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        (KEYS, RowKey("sessions", b"lookup")),
        (KEYS, RowKey("patients", b"another")),
        (Keys(b"s" * 32, "default", "low"), ROW),
        (Keys(b"s" * 32, "trial", "high"), ROW),
        (Keys(b"t" * 32, "default", "high"), ROW),
    ],
)
def test_a_sealed_value_opens_nowhere_else(keys: Keys, row: RowKey) -> None:
    sealed = Sealer(KEYS).seal(ROW, {"name": "x"})
    with pytest.raises(InvalidTag):
        Sealer(keys).unseal(row, sealed)


def test_a_changed_byte_is_noticed() -> None:
    sealed = bytearray(Sealer(KEYS).seal(ROW, {"name": "x"}))
    sealed[-1] ^= 1
    with pytest.raises(InvalidTag):
        Sealer(KEYS).unseal(ROW, bytes(sealed))


def test_a_bound_value_cannot_be_bound_again() -> None:
    sealed = Sealer(KEYS).seal(ROW, {"name": "x"})
    with pytest.raises(InvalidTag):
        Sealer(KEYS).bind(ROW, sealed)


def test_keys_differ_by_purpose_project_level_and_secret() -> None:
    derived = {
        KEYS.derive("uid"),
        KEYS.derive("hash"),
        Keys(KEYS.master, "trial", "high").derive("uid"),
        Keys(KEYS.master, "default", "low").derive("uid"),
        Keys(b"t" * 32, "default", "high").derive("uid"),
    }
    assert len(derived) == 5
    assert {len(key) for key in derived} == {32}


def test_a_lookup_is_short_and_depends_on_purpose_and_value() -> None:
    assert len(KEYS.lookup("patient", "x")) == 16
    assert KEYS.lookup("patient", "x") == KEYS.lookup("patient", "x")
    assert KEYS.lookup("patient", "x") != KEYS.lookup("study", "x")
    assert KEYS.lookup("patient", "x") != KEYS.lookup("patient", "y")


def test_a_fingerprint_is_the_same_for_every_project_and_level() -> None:
    assert Keys(KEYS.master, "trial", "low").fingerprint == KEYS.fingerprint
    assert Keys(b"t" * 32, "default", "high").fingerprint != KEYS.fingerprint
    assert KEYS.master.hex() not in KEYS.fingerprint


@pytest.mark.parametrize("secret", ["short", "changeme", "aaaaaaaaaaaaaaaaaaaaaaaa", "  ", ""])
def test_a_weak_secret_is_refused(tmp_path: Path, secret: str) -> None:
    (tmp_path / "secret.key").write_text(secret)
    with pytest.raises(UsageError, match="at least 16 random bytes"):
        load_secret(tmp_path, {}, create=False)


def test_spaces_around_a_secret_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("0123456789abcdef")
    bare = load_secret(tmp_path, {}, create=False)
    path.write_text("  0123456789abcdef\r\n")
    assert load_secret(tmp_path, {}, create=False) == bare


def test_a_secret_is_made_on_request_only(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"secret\.key in the vault"):
        load_secret(tmp_path, {}, create=False)
    assert list(tmp_path.iterdir()) == []
    load_secret(tmp_path, {}, create=True)
    assert len((tmp_path / "secret.key").read_text()) == 65


def test_two_vaults_have_two_secrets(tmp_path: Path) -> None:
    secrets = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        secrets.append(load_secret(tmp_path / name, {}, create=True))
    assert secrets[0] != secrets[1]


def test_a_named_secret_is_not_made(tmp_path: Path) -> None:
    environment = {"DEIDFLOW_SECRET_FILE": str(tmp_path / "absent")}
    with pytest.raises(EnvironmentFault, match="DEIDFLOW_SECRET_FILE"):
        load_secret(tmp_path, environment, create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_transaction_that_fails_changes_nothing(tmp_path: Path) -> None:
    database = open_database(tmp_path, KEYS)

    def insert_and_fail() -> None:
        with transaction(database):
            database.execute("INSERT INTO meta VALUES ('x', 'y')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        insert_and_fail()
    assert database.execute("SELECT * FROM meta WHERE name = 'x'").fetchall() == []
    assert is_intact(database)
    database.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deidflow.sqlite").write_bytes(b"x" * 4096)
    with pytest.raises(EnvironmentFault, match="SQLITE_NOTADB"):
        open_database(tmp_path, KEYS)


def test_a_folder_without_a_vault_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no vault in this folder"), open_registry(tmp_path):
        pass


def test_another_secret_opens_nothing(folder: Path) -> None:
    (folder / "secret.key").write_text("fedcba9876543210fedcba9876543210")
    with pytest.raises(VaultMismatch), open_registry(folder):
        pass


def test_every_project_and_level_is_listed(registry: Registry) -> None:
    add_patient(registry.folder, "trial", "low", "Doe^Jane", "8")
    assert registry.scopes() == [("default", "high"), ("default", "low"), ("trial", "low")]
    assert len(list(registry.rows(None, None))) == 3


@pytest.mark.parametrize(
    ("project", "level", "count"),
    [
        ("default", None, 2),
        (None, "low", 1),
        ("default", "low", 1),
        ("trial", None, 0),
        ("default", "medium", 0),
    ],
)
def test_rows_are_chosen_by_project_and_level(
    registry: Registry, project: str | None, level: str | None, count: int
) -> None:
    assert len(list(registry.rows(project, level))) == count


def test_a_row_has_the_original_values_and_the_dates_of_sessions(registry: Registry) -> None:
    (row,) = registry.rows("default", "low")
    assert (row.patient_id, row.name) == ("=7", "Zimmerquast^Jo")
    assert row.sessions == (("M00", "2020-01-01"), ("M00b", ""))


def exported(registry: Registry, path: Path) -> list[dict[str, str]]:
    export_csv(registry.rows(None, None), path)
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_an_export_has_a_row_for_each_session(registry: Registry, tmp_path: Path) -> None:
    rows = exported(registry, tmp_path / "x.csv")
    assert [row["level"] for row in rows] == ["high", "high", "low", "low"]
    assert [row["session"] for row in rows] == ["M00", "M00b"] * 2
    assert rows[0]["date"] == "2020-01-01"
    assert (tmp_path / "x.csv").stat().st_mode & 0o777 == 0o600


def test_an_export_shows_shifts_only_where_dates_were_shifted(
    registry: Registry, tmp_path: Path
) -> None:
    rows = exported(registry, tmp_path / "x.csv")
    assert [bool(row["shift_days"]) for row in rows] == [False, False, True, True]


def test_a_cell_of_an_export_is_no_formula(registry: Registry, tmp_path: Path) -> None:
    rows = exported(registry, tmp_path / "x.csv")
    assert {row["patient_id"] for row in rows} == {"'=7"}


def test_a_subject_without_sessions_is_exported_too(folder: Path, tmp_path: Path) -> None:
    vault = Vault(folder, Keys(load_secret(folder, {}, create=False), "trial", "low"))
    vault.identify([Person("id||9", {"patient_id": "9"}, frozenset(), {})])
    vault.close()

    with open_registry(folder) as registry:
        rows = exported(registry, tmp_path / "x.csv")
    assert (rows[-1]["patient_id"], rows[-1]["session"], rows[-1]["date"]) == ("9", "", "")


@pytest.mark.parametrize("place", ["x.csv", "P001/M00/x.csv"])
def test_an_export_into_a_release_is_refused(
    registry: Registry, tmp_path: Path, place: str
) -> None:
    (tmp_path / "release" / "P001" / "M00").mkdir(parents=True)
    (tmp_path / "release" / "dataset.json").touch()
    with pytest.raises(UsageError, match="inside a release"):
        export_csv(registry.rows(None, None), tmp_path / "release" / place)
    assert not (tmp_path / "release" / place).exists()


def test_a_link_into_a_release_is_refused_too(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "dataset.json").touch()
    (tmp_path / "link").symlink_to(tmp_path / "release")
    with pytest.raises(UsageError, match="inside a release"):
        export_csv(registry.rows(None, None), tmp_path / "link" / "x.csv")


def damage(folder: Path, **where: Any) -> None:
    database = sqlite3.connect(folder / "deidflow.sqlite")
    database.execute("UPDATE sessions SET sealed = zeroblob(40) WHERE level = ?", (where["level"],))
    database.commit()
    database.close()


def test_a_sound_vault_has_no_problems(registry: Registry) -> None:
    (registry.folder / "deidflow.sqlite").chmod(0o600)
    assert problems(registry) == []


def test_damaged_values_are_named_by_project_and_level(folder: Path) -> None:
    (folder / "deidflow.sqlite").chmod(0o600)
    damage(folder, level="low")
    with open_registry(folder) as registry:
        assert problems(registry) == [
            "sealed values of project default, level low are damaged or from another secret"
        ]


def test_a_lookup_that_meets_a_damaged_value_says_what_to_do(folder: Path) -> None:
    damage(folder, level="low")

    def look_up() -> None:
        with open_registry(folder) as registry:
            list(registry.rows(None, None))

    with pytest.raises(EnvironmentFault, match="deidflow vault check"):
        look_up()


@pytest.mark.parametrize(
    ("name", "words"),
    [(".", "the vault"), ("deidflow.sqlite", "deidflow.sqlite"), ("secret.key", "secret.key")],
)
def test_what_others_can_read_is_named(registry: Registry, name: str, words: str) -> None:
    (registry.folder / "deidflow.sqlite").chmod(0o600)
    (registry.folder / name).chmod(0o744)
    assert problems(registry) == [f"{words} can be read by others; take their permissions away"]
