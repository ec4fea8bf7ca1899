"""A vault with a few patients, as a run leaves it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from deidflow.identity.persons import Person
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.settings.tables import TableSettings, load_table_settings

Patient = tuple[str, str, str, tuple[date, ...]]
COHORT: tuple[Patient, ...] = (
    ("PID-77120", "Zimmerquast^Adelheid", "19600412", (date(2022, 5, 10), date(2023, 5, 9))),
    ("0004711", "Großmann^Jörg Peter", "19310201", (date(2021, 3, 4),)),
    ("9001", "O'Neill^Siobhán", "", (date(2020, 1, 31),)),
)


def fill_vault(folder: Path, level: str, cohort: tuple[Patient, ...] = COHORT) -> None:
    """Give patients pseudonyms in a vault."""
    folder.mkdir(mode=0o700)
    vault = Vault(folder, Keys(load_secret(folder, {}, create=True), "default", level))
    people = []
    for number, name, birth, days in cohort:
        original = {"patient_id": number, "patient_name": name, "birth_date": birth}
        studies = {f"1.2.{number[-2:]}.{place}": day for place, day in enumerate(days)}
        people.append(Person(f"id||{number}", original, frozenset(days), studies, number, name))
    vault.identify(people)
    vault.close()


def pseudonyms(folder: Path, level: str) -> dict[str, tuple[str, int]]:
    """PatientID -> pseudonym and shift."""
    vault = Vault(folder, Keys(load_secret(folder, {}, create=False), "default", level))
    known = {
        person.values["patient_id"]: (person.pseudonym, person.shift_days)
        for person in vault.originals()
    }
    vault.close()
    return known


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TableSettings]:
    """Settings for a table with this content, beside a vault of the cohort."""
    monkeypatch.delenv("DEIDFLOW_SECRET_FILE", raising=False)

    def make(content: str | bytes | Path, *, level: str = "low", **more: object) -> TableSettings:
        vault = tmp_path / "vault"
        if not vault.exists():
            fill_vault(vault, level)
        path = content if isinstance(content, Path) else tmp_path / "table.csv"
        if not isinstance(content, Path):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        flags = {"table": path, "vault": vault, "out": tmp_path / "out", "level": level}
        return load_table_settings(flags | more, environment={})

    return make
