"""Patients with ordinary names go out; what belongs to somebody else is held and said to be where
it is."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.commands import command_here
from tests.synthetic import mr_instance, save

PEOPLE = [
    "Dates^Ann",
    "Fields^Mary",
    "Philips^John",
    "Small^Sum",
    "Nova^Prime",
    "Head^Angle",
    "HFS",
    "PRIMARY",
]


def subject(folder: Path, number: int, **changes: str) -> None:
    """One small series of three slices of a patient."""
    uid = f"1.2.3.{number + 1}"
    own = {
        "PatientName": PEOPLE[number],
        "PatientID": str(100 + number),
        "PatientBirthDate": f"19{50 + number}0304",
        "OperatorsName": "KLM",
        "Manufacturer": "Philips Medical Systems",
        "ManufacturerModelName": "Prime",
        "ReceiveCoilName": "Flex Small",
        "PatientPosition": "HFS",
        "StudyInstanceUID": uid,
        "SeriesInstanceUID": f"{uid}.1",
        "MagneticFieldStrength": "3",
    }
    for index in range(3):
        place = {"ImagePositionPatient": ["0", "0", str(index)], "InstanceNumber": index + 1}
        header = mr_instance(**own | place | {"SOPInstanceUID": f"{uid}.1.{index + 1}"} | changes)
        save(header, folder / f"s{number}" / f"s{number}-{index}.dcm")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, one_server: None) -> Path:
    """A run at low of eight patients, one of whose headers holds another's name."""
    folder = tmp_path_factory.mktemp("cohort")
    for number in range(len(PEOPLE)):
        planted = {"ReceiveCoilName": "coil of Mary Fields"} if number == 3 else {}
        doubtful = {"ReceiveCoilName": "Dates 32ch"} if number == 4 else {}
        subject(folder / "in", number, **planted, **doubtful)
    result = command_here(
        "run", folder / "in", folder / "out", "--vault", folder / "vault", "--level", "low"
    )
    assert result.returncode == 6, result.stderr
    (folder / "console").write_text(result.stdout + result.stderr)
    return folder


def test_only_the_planted_name_is_held(outcome: Path) -> None:
    held = rows(outcome / "vault" / "quarantine" / "report.csv")
    assert {row["reason"] for row in held} == {"leak-found"}
    assert len(held) == 3
    assert len(list((outcome / "out").rglob("*.dcm"))) == 3 * (len(PEOPLE) - 1)


def test_the_finding_says_which_attribute_and_whose_but_never_the_value(outcome: Path) -> None:
    words = rows(outcome / "vault" / "quarantine" / "report.csv")[0]["words"]
    assert "ReceiveCoilName holds a name of another patient" in words
    console = (outcome / "console").read_text()
    assert "ReceiveCoilName holds a name of another patient" in console
    assert "Mary" not in console + words


def test_a_single_word_is_counted_in_the_vault_and_holds_nothing(outcome: Path) -> None:
    table = rows(outcome / "vault" / "quarantine" / "default-low" / "doubtful.csv")
    assert any(row["attribute"] == "ReceiveCoilName" for row in table)


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table of the vault."""
    with path.open() as stream:
        return list(csv.DictReader(stream))
