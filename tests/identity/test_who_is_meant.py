"""Who is who across deliveries, top folders, tokens from folder names, and looking somebody up."""

from __future__ import annotations

from pathlib import Path

import pytest

import deidflow
from deidflow.errors import UsageError
from deidflow.identity.persons import Person
from deidflow.identity.registry import Row
from deidflow.identity.secret import Keys
from deidflow.identity.strategies import Namer
from deidflow.settings.sections import IdSettings
from deidflow.verdicts import Reason
from tests.synthetic import save_series


def test_a_later_delivery_of_another_person_under_a_known_id_is_held(tmp_path: Path) -> None:
    vault = tmp_path / "vault"
    save_series(tmp_path / "first" / "x", count=2)
    first = deidflow.anonymize(tmp_path / "first", tmp_path / "a", vault=vault, workers=1)
    assert first.verdicts["released"] == 2

    other = {"PatientName": "Unterberger^Max", "PatientBirthDate": "19331224", "PatientSex": "M"}
    save_series(
        tmp_path / "second" / "x",
        count=3,
        StudyInstanceUID="1.9",
        SeriesInstanceUID="1.9.1",
        **other,
    )
    second = deidflow.anonymize(tmp_path / "second", tmp_path / "b", vault=vault, workers=1)
    assert (second.verdicts["released"], second.verdicts["quarantined"]) == (0, 3)
    assert {row.reason for row in second.not_released} == {Reason.OTHER_PERSON}


def test_a_second_patient_id_in_a_top_folder_is_named_in_the_vault_only(tmp_path: Path) -> None:
    source, vault = tmp_path / "in", tmp_path / "vault"
    save_series(source / "Zimmerquast", count=2)
    save_series(
        source / "Zimmerquast", PatientID="OTHER", StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1"
    )
    save_series(
        source / "clean", PatientID="THIRD", StudyInstanceUID="1.8", SeriesInstanceUID="1.8.1"
    )
    with pytest.raises(
        UsageError, match="1 folders of the source hold more than one PatientID"
    ) as error:
        deidflow.anonymize(
            source, tmp_path / "a", vault=vault, workers=1, ids={"discovery": "per_top_folder"}
        )
    assert "Zimmerquast" not in str(error.value)
    assert (vault / "mixed_folders.txt").read_text() == "Zimmerquast\n"
    assert (vault / "mixed_folders.txt").stat().st_mode & 0o077 == 0


def folder_token(folder: str, name: str, **more: str) -> str:
    """The pseudonym that strategy folder makes for a patient of this name."""
    pairs = (("name", name), *more.items())
    parts = frozenset(part for part in name.replace("^", " ").split())
    person = Person("id||X77", {}, frozenset(), {}, "X77", name, frozenset((folder,)), parts, pairs)
    keys = Keys(b"s" * 32, "default", "high")
    return Namer(IdSettings(strategy="folder"), keys).names([person], {}, [person])["id||X77"]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Müllerhaus", "Müllerhaus^Anna"),
        ("M_llerhaus", "Müllerhaus^Anna"),
        ("Muellerhaus_01", "Müllerhaus^Anna"),
        ("MULLERHAUS", "Müllerhaus^Anna"),
        ("x-Müller", "MUELLER^Jörg"),
        ("Jörg", "Weiß^Jörg"),
        ("Ivanov_S", "Иванов^Сергей"),
        ("xiao_dong", "Li^XiaoDong"),
        ("NG_A", "NG^A"),
    ],
)
def test_a_folder_with_a_name_in_it_is_no_pseudonym(folder: str, name: str) -> None:
    with pytest.raises(UsageError, match="identifier of a patient"):
        folder_token(folder, name)


@pytest.mark.parametrize("folder", ["19550617", "sub_1955-06-17"])
def test_a_folder_with_a_date_of_the_patient_is_no_pseudonym(folder: str) -> None:
    with pytest.raises(UsageError, match="identifier of a patient"):
        folder_token(folder, "Doe^Jane", birth="17.06.1955")


@pytest.mark.parametrize("folder", ["sub-01", "HC_0042", "site-Haus"])
def test_a_folder_that_says_nothing_is_a_pseudonym(folder: str) -> None:
    assert folder_token(folder, "Müllerhaus^Anna", birth="19550617") == folder


def row(level: str = "low") -> Row:
    original = {
        "patient_id": "PID-7",
        "patient_name": "Müller^XiaoDong",
        "patient_sex": "F",
        "birth_date": "19550617",
    }
    return Row(
        "default", level, "P001", -5, {**original, "name 0": "Wang^Ng", "staff 1": "Hausarzt"}, ()
    )


@pytest.mark.parametrize(
    "wanted",
    [
        "p001",
        "pid-7",
        "Müller^XiaoDong",
        "xiao dong mueller",
        "MULLER, XIAODONG",
        "Xiao-Dong Müller",
        "Ng Wang",
    ],
)
def test_a_name_is_looked_up_in_any_order_and_spelling(wanted: str) -> None:
    assert row().is_meant(wanted)


@pytest.mark.parametrize(
    "wanted", ["", "F", "Müller", "Hausarzt", "Müller Jane", "19550617", "P0010"]
)
def test_others_are_not_meant(wanted: str) -> None:
    assert not row().is_meant(wanted)


def test_no_shift_is_shown_where_the_clock_was_used() -> None:
    assert row("low").is_shifted
    assert not row("high").is_shifted
