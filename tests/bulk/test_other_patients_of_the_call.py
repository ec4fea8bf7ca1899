"""A header keeps no full name and no number of another patient of the same call."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import deidflow
from deidflow.bulk.result import Result
from deidflow.verdicts import Reason
from tests.synthetic import mr_instance, save

OTHER = {
    "PatientName": "Tanakaru^Yoshiko",
    "PatientID": "88120455",
    "PatientBirthDate": "19700203",
    "StudyInstanceUID": "1.2.3.4.6",
    "SeriesInstanceUID": "1.2.3.4.6.1",
    "SOPInstanceUID": "1.2.3.4.6.1.1",
}


def anonymized(folder: Path, **changes: str) -> Result:
    """A call with two patients, of whom the first has other headers."""
    save(mr_instance(**changes), folder / "in" / "a" / "1.dcm")
    save(mr_instance(**OTHER), folder / "in" / "b" / "1.dcm")
    return deidflow.anonymize(
        folder / "in", folder / "out", vault=folder / "vault", level="low", workers=1
    )


@pytest.mark.parametrize(
    "coil",
    [
        "Coil Yoshiko Tanakaru",
        "TANAKARU_YOSHIKO",
        "Tanakaru, Yoshiko",
        "TanakaruYoshiko",
        "for 88120455",
        "88-120-455",
    ],
)
def test_a_file_that_keeps_one_is_quarantined_and_says_where(tmp_path: Path, coil: str) -> None:
    result = anonymized(tmp_path, ReceiveCoilName=coil)
    assert [(row.reason, row.detail) for row in result.not_released] == [
        (Reason.ANOTHER_PATIENT, "ReceiveCoilName")
    ]
    with (tmp_path / "vault" / "quarantine" / "anonymize.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["words"].endswith(": ReceiveCoilName")
    assert "anakaru" not in row["words"]


@pytest.mark.parametrize("coil", ["Head 32", "Tanaka coil", "Yoshiko", "881204", "HeadNeck_64"])
def test_what_is_nobodys_stays(tmp_path: Path, coil: str) -> None:
    assert anonymized(tmp_path, ReceiveCoilName=coil).verdicts["released"] == 2


def test_a_number_that_every_patient_has_in_the_same_attribute_is_nobodys(tmp_path: Path) -> None:
    for number in range(3):
        uid = f"1.2.3.4.{number}7"
        own = {
            "PatientName": f"Quimby{chr(97 + number)}^Ann",
            "PatientID": f"55{number}",
            "SoftwareVersions": "88120455",
        }
        uids = {
            "StudyInstanceUID": uid,
            "SeriesInstanceUID": f"{uid}.1",
            "SOPInstanceUID": f"{uid}.1.1",
        }
        save(mr_instance(**own, **uids), tmp_path / "in" / str(number) / "1.dcm")
    assert anonymized(tmp_path, SoftwareVersions="88120455").verdicts["released"] == 5
