"""Folders that deidflow did not make: held to what they claim, or to a level."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from deidflow.resources import load_yaml
from deidflow.verifier.criteria import CriteriaJudge
from deidflow.verifier.findings import Check, Report
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.verify import verify
from tests.headers import anonymizer
from tests.synthetic import mr_instance, save


def instance(**changes: object) -> Dataset:
    """A header that a tool cleaned by the profile low, and its own changes."""
    header = anonymizer("low").clean(mr_instance(StudyDescription="Brain", SeriesDescription="T1"))
    header.PixelData = bytes(128)
    header["PixelData"].VR = "OW"
    for keyword, value in changes.items():
        setattr(header, keyword, value)
    return header


def report_on(folder: Path, header: Dataset, **options: object) -> Report:
    save(header, folder / "scans" / "one.dcm")
    return verify(VerifyOptions(folder, **options))  # type: ignore[arg-type]


def found(report: Report) -> set[tuple[Check, str]]:
    return {(finding.check, finding.attribute) for finding in report.findings}


def test_a_clean_file_of_another_tool(tmp_path: Path) -> None:
    assert found(report_on(tmp_path, instance())) == set()


def test_its_own_claims_count(tmp_path: Path) -> None:
    header = instance()
    del header.DeidentificationMethodCodeSequence[3:]

    assert found(report_on(tmp_path, header)) >= {(Check.FORBIDDEN, "SeriesDescription")}


def test_a_level_that_is_asked_for_counts_more(tmp_path: Path) -> None:
    expected = {(Check.DATE, "StudyDate"), (Check.FORBIDDEN, "PatientWeight")}

    assert expected <= found(report_on(tmp_path, instance(), level="high"))


def test_uids_under_the_tools_own_root(tmp_path: Path) -> None:
    header = instance(FrameOfReferenceUID="1.2.826.0.1.3680043.10.99.77")

    assert found(report_on(tmp_path, header)) == {(Check.UID, "FrameOfReferenceUID")}
    roots = ("2.25", "1.2.826.0.1.3680043.10.99")
    assert found(report_on(tmp_path, header, uid_roots=roots)) == set()


def test_a_file_that_was_never_cleaned(tmp_path: Path) -> None:
    expected = {
        (Check.FORBIDDEN, "PatientName"),
        (Check.FORBIDDEN, "PatientBirthDate"),
        (Check.UID, "SOPInstanceUID"),
        (Check.MARKER, "PatientIdentityRemoved"),
        (Check.CRITERIA, "header"),
    }
    save(mr_instance(), tmp_path / "one.dcm")
    report = verify(VerifyOptions(tmp_path), CriteriaJudge("low"))

    assert expected <= found(report)


def test_a_folder_named_after_a_patient(tmp_path: Path) -> None:
    save(instance(), tmp_path / "Smith, John" / "one.dcm")

    report = verify(VerifyOptions(tmp_path))

    assert found(report) == {(Check.FILE, "name")}
    assert report.findings[0].file == "<a name, 11 characters>/one.dcm"


def test_one_study_of_two_patients(tmp_path: Path) -> None:
    save(instance(), tmp_path / "one.dcm")
    save(instance(PatientID="P002", SOPInstanceUID="2.25.9"), tmp_path / "two.dcm")

    expected = {(Check.PATIENT, "StudyInstanceUID"), (Check.PATIENT, "SeriesInstanceUID")}
    assert found(verify(VerifyOptions(tmp_path))) == expected


def test_the_codes_of_the_standard_are_those_of_pydicom() -> None:
    from pydicom.sr._cid_dict import cid_concepts
    from pydicom.sr._concepts_dict import concepts

    names = cid_concepts[7050]["DCM"]
    expected = {code: row[0] for name in names for code, row in concepts["DCM"][name].items()}
    assert load_yaml("standard/cid7050.yaml") == expected
