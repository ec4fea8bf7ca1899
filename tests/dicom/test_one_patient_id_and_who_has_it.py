"""One PatientID is one patient, whatever its issuer; two persons under it are never merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.dicom.demographics import Demographics
from deidflow.dicom.grouping import Cohort, group
from deidflow.verdicts import Reason, Verdict
from tests.headers import inventory
from tests.synthetic import save_series

STUDY_B = {"StudyInstanceUID": "1.9", "SeriesInstanceUID": "1.9.1"}
ANNE = {"PatientName": "MARTIN^ANNE", "PatientBirthDate": "19500101", "PatientSex": "F"}
PAUL = {"PatientName": "MARTIN^PAUL", "PatientBirthDate": "19801224", "PatientSex": "M"}


def strangers(cohort: Cohort) -> set[str]:
    held = (Verdict.QUARANTINED, Reason.OTHER_PERSON)
    return {path.partition("/")[0] for path, verdict in cohort.verdicts.items() if verdict == held}


def names(cohort: Cohort) -> list[str]:
    return [subject.studies[0].series[0].first.patient_name for subject in cohort.subjects]


@pytest.mark.parametrize(("first", "second"), [("", "A"), ("A", "B"), ("A", "")])
def test_one_study_with_and_without_issuer_is_one_patient(
    tmp_path: Path, first: str, second: str
) -> None:
    save_series(tmp_path / "a", IssuerOfPatientID=first)
    save_series(tmp_path / "b", IssuerOfPatientID=second, SeriesInstanceUID="1.2.3.4.5.2")
    cohort = group(inventory(tmp_path), defacing=False)
    assert [len(subject.studies[0].series) for subject in cohort.subjects] == [2]
    assert not cohort.verdicts


def test_another_person_under_the_same_number_is_held(tmp_path: Path) -> None:
    save_series(tmp_path / "anne", count=3, **ANNE)
    save_series(tmp_path / "paul", count=2, **PAUL, **STUDY_B)
    cohort = group(inventory(tmp_path), defacing=False)
    assert names(cohort) == ["MARTIN^ANNE"]
    assert strangers(cohort) == {"paul"}
    assert "PAUL" not in str(cohort.subjects[0].identifiers)


@pytest.mark.parametrize("changed", [{"PatientBirthDate": "19500101"}, {"PatientSex": "F"}])
def test_birth_date_or_sex_with_the_name_is_enough(tmp_path: Path, changed: dict[str, str]) -> None:
    save_series(tmp_path / "anne", count=3, **ANNE)
    save_series(tmp_path / "paul", count=2, **{**PAUL, **changed}, **STUDY_B)
    assert strangers(group(inventory(tmp_path), defacing=False)) == {"paul"}


def test_a_tie_is_decided_by_the_earliest_study(tmp_path: Path) -> None:
    save_series(tmp_path / "anne", count=2, **ANNE, StudyDate="20220510")
    save_series(tmp_path / "paul", count=2, **PAUL, **STUDY_B, StudyDate="20210510")
    assert strangers(group(inventory(tmp_path), defacing=False)) == {"anne"}


@pytest.mark.parametrize(
    "changed",
    [
        {"PatientName": "Martin Anne", "PatientBirthDate": "01.01.1950"},
        {"PatientName": "ANNE^MARTIN", "PatientBirthDate": "19500102"},
        {"PatientName": "MÂRTIN^ANNÉ", "PatientBirthDate": "19510101"},
        {"PatientName": "MARTIN^A", "PatientBirthDate": "19510101"},
        {"PatientName": "DUPONT^ANNE"},
        {"PatientName": "DUPONT^ANNE", "PatientBirthDate": "", "PatientSex": "O"},
        {"PatientName": "", "PatientBirthDate": "19510101"},
        {"PatientName": "Anonymous", "PatientBirthDate": "19000101", "PatientSex": "M"},
        {"PatientBirthDate": "19510101", "PatientSex": "M"},
    ],
)
def test_spellings_married_names_and_missing_values_are_no_conflict(
    tmp_path: Path, changed: dict[str, str]
) -> None:
    save_series(tmp_path / "a", count=3, **ANNE)
    save_series(
        tmp_path / "b", count=2, **{**ANNE, **changed}, **STUDY_B, SpecificCharacterSet="ISO_IR 192"
    )
    cohort = group(inventory(tmp_path), defacing=False)
    assert [len(subject.studies) for subject in cohort.subjects] == [2]


def test_two_issuers_of_the_same_number_are_two_patients(tmp_path: Path) -> None:
    save_series(tmp_path / "anne", **ANNE, IssuerOfPatientID="A")
    save_series(tmp_path / "paul", **PAUL, **STUDY_B, IssuerOfPatientID="B")
    cohort = group(inventory(tmp_path), defacing=False)
    assert sorted(names(cohort)) == ["MARTIN^ANNE", "MARTIN^PAUL"]
    assert not cohort.verdicts


def test_whom_the_vault_knows_keeps_the_number(tmp_path: Path) -> None:
    save_series(tmp_path / "anne", count=2, **ANNE)
    save_series(tmp_path / "paul", count=5, **PAUL, **STUDY_B)
    anne = {"id||PID-77120": Demographics("PID-77120", "", "Martin, Anne", "19500101", "F")}
    cohort = group(inventory(tmp_path), defacing=False, known=anne.get)
    assert (names(cohort), strangers(cohort)) == (["MARTIN^ANNE"], {"paul"})


def test_a_key_of_before_with_the_issuer_is_found_again(tmp_path: Path) -> None:
    save_series(tmp_path / "anne", **ANNE, IssuerOfPatientID="A")
    old = {"id|A|PID-77120": Demographics("PID-77120", "A", "MARTIN^ANNE", "19500101", "")}
    cohort = group(inventory(tmp_path), defacing=False, known=old.get)
    assert [subject.key for subject in cohort.subjects] == ["id|A|PID-77120"]


def test_one_top_folder_is_one_patient(tmp_path: Path) -> None:
    save_series(tmp_path / "a", count=2)
    save_series(tmp_path / "a" / "deeper", PatientID="", **STUDY_B)
    save_series(tmp_path / "b", StudyInstanceUID="1.8", SeriesInstanceUID="1.8.1")
    cohort = group(inventory(tmp_path), defacing=False, discovery="per_top_folder")
    assert [len(subject.studies) for subject in cohort.subjects] == [2, 1]
    assert not cohort.mixed_folders


def test_a_second_patient_id_in_a_top_folder_is_named(tmp_path: Path) -> None:
    save_series(tmp_path / "a", count=2)
    save_series(tmp_path / "a" / "deeper", PatientID="OTHER", **STUDY_B)
    save_series(tmp_path / "b", StudyInstanceUID="1.8", SeriesInstanceUID="1.8.1")
    cohort = group(inventory(tmp_path), defacing=False, discovery="per_top_folder")
    assert cohort.mixed_folders == ("a",)


def test_a_second_patient_id_of_a_later_delivery_too(tmp_path: Path) -> None:
    save_series(tmp_path / "a", count=2, PatientID="OTHER")
    before = {"top|a": Demographics("PID-77120", "", "Zimmerquast^Adelheid", "19600412", "F")}
    cohort = group(
        inventory(tmp_path), defacing=False, discovery="per_top_folder", known=before.get
    )
    assert cohort.mixed_folders == ("a",)
