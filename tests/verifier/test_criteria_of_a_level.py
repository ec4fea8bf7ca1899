"""Criteria after labhai: a rate over the fields that are there, absolute fields, PASS or FAIL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from deidflow.resources import load_yaml
from deidflow.verifier.criteria import CRITERIA, CriteriaJudge, FileResult
from deidflow.verifier.markers import Markers
from deidflow.verifier.observers import Seen
from deidflow.verifier.reader import read_instance
from deidflow.verifier.tree import Entry
from tests.headers import anonymizer
from tests.synthetic import as_file, mr_instance


def judged(header: Dataset, level: str = "low", name: str = "P001/one.dcm") -> FileResult:
    judge = CriteriaJudge(level)
    instance = read_instance(as_file(header))
    entry = Entry(name, Path(name), is_regular=True)
    return judge.judge(Seen(entry, name, instance, Markers.of(instance)))


def cleaned(level: str, **changes: Any) -> Dataset:
    header = anonymizer(level).clean(mr_instance(SeriesDescription="T1", PatientAge="060Y"))
    for keyword, value in changes.items():
        setattr(header, keyword, value)
    return header


def failed(result: FileResult) -> set[str]:
    return {row.criterion.field for row in result.rows if not row.passed}


def test_there_are_64_fields() -> None:
    fields = [row["field"] for row in load_yaml(CRITERIA)["fields"]]

    assert len(fields) == len(set(fields)) == 64


@pytest.mark.parametrize("level", ["low", "high"])
def test_what_deidflow_releases_passes(level: str) -> None:
    result = judged(cleaned(level), level)

    assert result.passed
    assert failed(result) == set()


def test_a_file_of_the_scanner_fails() -> None:
    result = judged(mr_instance())

    assert not result.passed
    assert {"PatientName", "PatientBirthDate", "StudyDate", "SOPInstanceUID"} <= failed(result)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("PatientName", "Zimmerquast^Adelheid"),
        ("PatientBirthDate", "19600412"),
        ("PatientAddress", "Hauptstr. 12"),
    ],
)
def test_one_absolute_field_fails_a_file(field: str, value: str) -> None:
    result = judged(cleaned("low", **{field: value}))

    assert failed(result) == {field}
    assert not result.absolute_passed
    assert not result.passed


def test_a_single_other_field_does_not() -> None:
    result = judged(cleaned("low", InstitutionAddress="somewhere"))

    assert failed(result) == {"InstitutionAddress"}
    assert result.passed


def test_the_rate_counts_the_fields_that_are_there() -> None:
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", "2.25.1"
    header.PatientID, header.PatientSex = "P001", "F"
    header.InstitutionAddress = "somewhere"

    result = judged(header)

    assert (len(result.rows), result.failed, result.rate) == (4, 1, 0.25)
    assert not result.passed


def test_fields_inside_sequences_count() -> None:
    item = Dataset()
    item.PersonName = "Bones^Leonard"
    header = cleaned("low")
    header.AuthorObserverSequence = [item]

    assert failed(judged(header)) == {"PersonName"}


def test_private_elements_count() -> None:
    header = cleaned("low")
    header.private_block(0x0009, "GEMS_IDEN_01", create=True).add_new(0x27, "SL", 1)

    assert failed(judged(header)) == {
        "ImageActualDate",
        "PrivateCreator",
        "PrivateTagData",
    }


@pytest.mark.parametrize(
    ("field", "value", "passes"),
    [
        ("PatientAge", "060Y", True),
        ("PatientAge", "045-049Y", True),
        ("PatientAge", "062Y", False),
        ("PatientWeight", "70", True),
        ("PatientWeight", "72.5", False),
        ("PatientSize", "1.75", True),
        ("PatientSize", "1.78", False),
    ],
)
def test_values_are_binned_at_level_high(field: str, value: str, passes: bool) -> None:
    header = cleaned("high")
    header.add_new(field, "LO", value)

    assert (field not in failed(judged(header, "high"))) is passes


def test_values_are_redacted_to_class_and_length() -> None:
    result = judged(mr_instance(InstitutionAddress="Hauptstr. 12"))

    values = {row.criterion.field: row.value for row in result.rows}
    assert values["PatientName"] == "name, 20 characters"
    assert values["PatientBirthDate"] == "date, 8 characters"
    assert values["InstitutionAddress"] == "text, 12 characters"
    assert values["SOPInstanceUID"] == "UID, 15 characters"


def test_a_subject_passes_when_all_its_files_do() -> None:
    judge = CriteriaJudge("low")
    judge.results = [
        judged(cleaned("low"), name="P001/one.dcm"),
        judged(mr_instance(), name="P001/two.dcm"),
        judged(cleaned("low"), name="P002/one.dcm"),
    ]

    assert judge.subjects() == {"P001": False, "P002": True}
    failed = {row.criterion.field for row in judge.results[1].rows if not row.passed}
    assert "PatientName" in failed
