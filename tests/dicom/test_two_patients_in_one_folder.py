"""Grouping by what headers say, not by where files lie."""

from __future__ import annotations

from pathlib import Path

from deidflow.dicom.grouping import group
from deidflow.verdicts import Reason, Verdict
from tests.headers import inventory
from tests.synthetic import mr_instance, save, save_series


def test_two_patients_in_one_folder_become_two_subjects(tmp_path: Path) -> None:
    save_series(tmp_path / "one")
    save_series(
        tmp_path / "one", PatientID="OTHER", StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1"
    )
    cohort = group(inventory(tmp_path), defacing=False)
    assert len(cohort.subjects) == 2


def test_one_patient_in_two_folders_becomes_one_subject(tmp_path: Path) -> None:
    save_series(tmp_path / "a")
    save_series(tmp_path / "b", StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1")
    cohort = group(inventory(tmp_path), defacing=False)
    assert [len(subject.studies) for subject in cohort.subjects] == [2]


def test_without_patient_id_folder_name_and_birth_date_tell_subjects_apart(tmp_path: Path) -> None:
    save_series(tmp_path / "a", PatientID="***")
    save_series(tmp_path / "b", PatientID="", StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1")
    assert len(group(inventory(tmp_path), defacing=False).subjects) == 2


def test_a_study_without_patient_id_in_two_folders_is_one_subject(tmp_path: Path) -> None:
    save_series(tmp_path / "a", PatientID="***")
    save_series(tmp_path / "b", PatientID="***", SeriesInstanceUID="1.2.3.4.5.2")
    assert len(group(inventory(tmp_path), defacing=False).subjects) == 1


def test_the_minority_of_a_series_under_two_patients_is_quarantined(tmp_path: Path) -> None:
    save_series(tmp_path, count=4)
    save(mr_instance(SOPInstanceUID="1.2.77", PatientID="OTHER"), tmp_path / "stray.dcm")
    cohort = group(inventory(tmp_path), defacing=False)
    assert cohort.verdicts == {"stray.dcm": (Verdict.QUARANTINED, Reason.MIXED_PATIENTS)}
    assert [
        len(series.members)
        for subject in cohort.subjects
        for study in subject.studies
        for series in study.series
    ] == [4]


def test_identical_copies_are_duplicates_and_different_ones_are_quarantined(tmp_path: Path) -> None:
    save_series(tmp_path, count=3)
    first = tmp_path / "copy.dcm"
    first.write_bytes((tmp_path / ".4.5.1-1.dcm").read_bytes())
    save(
        mr_instance(SOPInstanceUID="1.2.3.4.5.1.2", ImageComments="edited"), tmp_path / "edited.dcm"
    )
    cohort = group(inventory(tmp_path), defacing=False)
    assert cohort.verdicts["copy.dcm"] == (Verdict.DUPLICATE, Reason.COPY)
    assert cohort.verdicts["edited.dcm"] == (Verdict.QUARANTINED, Reason.CONFLICTING_COPIES)
    assert cohort.verdicts[".4.5.1-2.dcm"] == (Verdict.QUARANTINED, Reason.CONFLICTING_COPIES)
    series = cohort.subjects[0].studies[0].series[0]
    assert series.incomplete
    assert len(series.members) == 2


def test_every_file_has_exactly_one_verdict_or_goes_on(tmp_path: Path) -> None:
    save_series(tmp_path, count=2)
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / "empty").touch()
    save(
        mr_instance(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.5"),
        tmp_path / "page.dcm",
    )
    entries = inventory(tmp_path)
    cohort = group(entries, defacing=False)
    going_on = {
        member.path
        for s in cohort.subjects
        for t in s.studies
        for one in t.series
        for member in one.members
    }
    assert going_on | set(cohort.verdicts) == {entry.path for entry in entries}
    assert not going_on & set(cohort.verdicts)
