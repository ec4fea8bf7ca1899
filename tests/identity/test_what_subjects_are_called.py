"""Pseudonyms: numbers, keyed hashes, tables, folders; what identifies or collides is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deidflow.errors import ConfigError, DeidflowError, UsageError
from deidflow.identity.id_table import read_table
from deidflow.identity.persons import Person
from deidflow.identity.secret import Keys
from deidflow.identity.sessions import DatedStudy, label_sessions
from deidflow.identity.strategies import Namer
from deidflow.settings.load import checked
from deidflow.settings.run import CommonSettings
from deidflow.settings.sections import CsvSettings, IdSettings, SessionSettings

KEYS = Keys(b"s" * 32, "default", "high")


def person(patient_id: str, name: str = "Doe^Jane", folder: str = "sub-01/a") -> Person:
    who = frozenset((patient_id, *name.split("^")))
    return Person(
        f"id||{patient_id}", {}, frozenset(), {}, patient_id, name, frozenset((folder,)), who
    )


def named(
    persons: list[Person], taken: dict[bytes, str] | None = None, **settings: Any
) -> list[str]:
    """Pseudonyms in the order of the persons."""
    found = Namer(IdSettings(**settings), KEYS).names(persons, taken or {}, persons)
    return [found[one.key] for one in persons]


def table(tmp_path: Path, text: str) -> CsvSettings:
    (tmp_path / "ids.csv").write_text(text)
    return CsvSettings(path=tmp_path / "ids.csv")


def test_sequential_numbers_have_prefix_start_and_width() -> None:
    people = [person("AAA"), person("BBB")]
    assert named(people, prefix="COHORT", start=7, width=4) == ["COHORT0007", "COHORT0008"]
    assert named(people, {b"x": "P001"}) == ["P002", "P003"]


def test_hashes_are_keyed_and_collisions_are_refused() -> None:
    hashed = {"strategy": "deterministic", "prefix": "S", "length": 12}
    (pseudonym,) = named([person("AAA")], **hashed)
    assert len(pseudonym) == 13
    assert named([person("AAA")], **hashed) == [pseudonym]
    assert named([person("AAA")], **hashed, hash="sha256") != [pseudonym]

    other = Namer(IdSettings(**hashed), Keys(b"t" * 32, "default", "high"))
    assert other.names([person("AAA")], {}, []) != {"id||AAA": pseudonym}
    with pytest.raises(UsageError, match=r"raise ids\.length"):
        named([person("AAA")], {b"x": pseudonym}, **hashed)


def test_names_count_by_their_words() -> None:
    swapped = (
        named([person("1", "Doe^Jane")], strategy="name"),
        named([person("2", "jané doe")], strategy="name"),
    )
    assert swapped[0] == swapped[1]
    with pytest.raises(UsageError, match="share a name"):
        named([person("1"), person("2")], strategy="name")
    with pytest.raises(UsageError, match="no PatientName"):
        named([person("1", "")], strategy="name")


def test_folders_name_subjects() -> None:
    people = [person("AAA", folder="site/sub-01/x"), person("BBB", folder="site/sub-02/x")]
    folder = {"depth": 2, "regex": "sub-([0-9]+)"}
    assert named(people, strategy="folder", folder=folder) == ["01", "02"]
    with pytest.raises(UsageError, match="names no pseudonym for 2 subjects"):
        named(people, strategy="folder", folder={"depth": 9})
    assert named(people, strategy="folder", folder={"depth": 9, "fallback": "sequential"}) == [
        "P001",
        "P002",
    ]
    with pytest.raises(UsageError, match="more than one subject"):
        named(people, strategy="folder", folder={"depth": 1})


def test_an_archive_names_a_subject_as_its_folder_would() -> None:
    names = ("sub-01.zip!", "sub-02.tar.gz!", "sub-03.TGZ!", "sub-04.dcm.gz!", "sub-05")
    people = [
        person(f"AAA{letter}", folder=name) for letter, name in zip("abcde", names, strict=True)
    ]

    assert named(people, strategy="folder") == [f"sub-0{number}" for number in range(1, 6)]


@pytest.mark.parametrize("folder", ["Doe_Jane", "PID77120", "x-pid-77120", "jane1"])
def test_a_folder_that_identifies_is_no_pseudonym(folder: str) -> None:
    with pytest.raises(UsageError, match="identifier of a patient"):
        named([person("PID-77120", folder=folder)], strategy="folder")


def test_a_table_names_subjects(tmp_path: Path) -> None:
    wanted = table(tmp_path, "PatientID;pseudonym\nAAA;X1\nBBB;X2\n")
    people = [person("AAA"), person("BBB"), person("CCC")]
    assert named(people[:2], strategy="csv", csv=wanted) == ["X1", "X2"]
    with pytest.raises(UsageError, match="for 1 subjects"):
        named(people, strategy="csv", csv=wanted)
    filled = wanted.model_copy(update={"missing": "sequential"})
    assert named(people, strategy="csv", csv=filled) == ["X1", "X2", "P003"]
    assert (
        len(named(people, strategy="csv", csv=wanted.model_copy(update={"missing": "hash"}))[2])
        == 13
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PatientID,pseudonym\nAAA,X1\nBBB,X1\n", "line 3: the same source or the same pseudonym"),
        ("PatientID,pseudonym\nAAA,X1\nAAA,X2\n", "line 3: the same source"),
        ("PatientID,pseudonym\nAAA,\n", "line 2: the pseudonym is empty"),
        ("PatientID,pseudonym\nAAA,a/b\n", "line 2: a pseudonym is letters"),
        ("PatientID,alias\nAAA,X1\n", "no column 'pseudonym' .it has 2 columns"),
        ("PatientID,pseudonym\n", "no rows"),
    ],
)
def test_a_wrong_table_is_explained(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_table(table(tmp_path, text))


def test_ids_stay_when_nothing_is_asked() -> None:
    assert named([person("AAA/7")], strategy="none") == ["AAA_7"]
    with pytest.raises(UsageError, match="share an ID"):
        named([person("AAA/7"), person("AAA 7")], strategy="none")


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ({"hash": "md5"}, "md5 is refused"),
        ({"hash": "sha1"}, "sha1 is refused"),
        ({"start": 1000}, "more digits than width 3"),
        ({"strategy": "csv"}, "needs the section 'csv'"),
        ({"folder": {"regex": "sub-[0-9]+"}}, "has no group"),
        ({"folder": {"regex": "sub-("}}, "not a valid regular expression"),
        ({"strategy": "sequentiel"}, "sequential"),
        ({"lenght": 5}, "did you mean 'length'"),
        ({"length": 4}, "greater than or equal to 10"),
    ],
)
def test_wrong_settings_are_explained_before_anything_is_read(
    ids: dict[str, Any], said: str
) -> None:
    with pytest.raises(DeidflowError, match=said):
        checked(CommonSettings, {"ids": ids})


def test_sessions_snap_to_the_months_of_a_plan() -> None:
    from datetime import date, timedelta

    first = date(2020, 1, 1)
    days = {b"0": 0, b"1": 9, b"2": 170, b"3": 200, b"4": 270, b"5": -180}
    studies = [DatedStudy(key, first + timedelta(days=count)) for key, count in days.items()]
    wanted = SessionSettings(snap_months=6, tolerance_months=1, min_offset_months=0.5)
    labels, _ = label_sessions(studies, {}, first, wanted)
    assert labels == {
        b"0": "M00",
        b"1": "M00b",
        b"2": "M06",
        b"3": "M06b",
        b"4": "M09",
        b"5": "N06",
    }
