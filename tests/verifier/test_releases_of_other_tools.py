"""Folders as other de-identifiers write them: what leaks is named, what is right is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from deidflow.verifier.criteria import CriteriaJudge
from deidflow.verifier.findings import Check, Report
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.verify import verify
from tests.places import REAL_DATA
from tests.synthetic import mr_instance, save

Found = set[tuple[Check, str]]
Tool = Callable[[Path, Path], None]
DEID = """
import sys
from deid.dicom import replace_identifiers
out, *files = sys.argv[1:]
replace_identifiers(dicom_files=files, save=True, output_folder=out, remove_private=True)
"""
CERTIFICATE = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", "2")


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def dicognito(source: Path, out: Path) -> None:
    run(sys.executable, "-m", "dicognito", "-o", out, source)


def dicom_anonymizer(source: Path, out: Path) -> None:
    out.mkdir()
    run(sys.executable, "-m", "dicomanonymizer.anonymizer", source, out)


def deid(source: Path, out: Path) -> None:
    out.mkdir()
    run(sys.executable, "-c", DEID, out, *sorted(source.iterdir()))


def gdcmanon(source: Path, out: Path) -> None:
    out.mkdir()
    key, certificate = out.parent / "key.pem", out.parent / "certificate.pem"
    run("openssl", *CERTIFICATE, "-keyout", key, "-out", certificate)
    for path in source.iterdir():
        command = ["gdcmanon", "-c", certificate, "-e", path, out / path.name]
        subprocess.run(list(map(str, command)), check=False, capture_output=True)


def ctp(source: Path, out: Path) -> None:
    """As CTP's default script: what is listed goes, ids are numbers, files are named by UID."""
    out.mkdir()
    for path in source.iterdir():
        header = dcmread(path)
        header.remove_private_tags()
        for keyword in ("PatientBirthDate", "PatientComments", "ReferringPhysicianName"):
            if keyword in header:
                delattr(header, keyword)
        header.PatientName = header.PatientID = "4711004711"
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
            setattr(header, keyword, generate_uid(entropy_srcs=[header[keyword].value]))
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.PatientIdentityRemoved = "YES"
        header.DeidentificationMethod = "CTP"
        header.save_as(out / f"{header.SOPInstanceUID}.dcm")


TOOLS: dict[Tool, str] = {
    dicognito: "dicognito",
    dicom_anonymizer: "dicomanonymizer",
    deid: "deid",
    gdcmanon: "",
    ctp: "",
}
"""Tool, and the Python package that it is."""
needed = {gdcmanon: "gdcmanon"}


def is_there(tool: Tool) -> bool:
    program = needed.get(tool)
    if program is not None:
        return shutil.which(program) is not None
    return not TOOLS[tool] or find_spec(TOOLS[tool]) is not None


def header_of_a_patient() -> Dataset:
    header = mr_instance(
        PatientName="Zimmerquast^Adelheid",
        PatientComments="call Adelheid Zimmerquast",
        ReferringPhysicianName="Ottenhuber^Korbinian",
        InstitutionAddress="12 Oak Street",
        StudyDescription="Brain Zimmerquast",
        FrameOfReferenceUID="1.3.12.2.1107.5.2.43.66075.7",
    )
    header.PixelData = bytes(128)
    header["PixelData"].VR = "OW"
    return header


def report_on(tool: Tool, source: Path, out: Path, **options: str) -> Report:
    tool(source, out)
    judge = CriteriaJudge(options.get("level", "low"))
    return verify(VerifyOptions(out, **options), judge)  # type: ignore[arg-type]


def rows(report: Report) -> Found:
    return {(finding.check, finding.attribute) for finding in report.findings}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_leaks_are_named_and_new_uids_and_dummies_are_not(tool: Tool, tmp_path: Path) -> None:
    if not is_there(tool):
        pytest.skip("the tool is not installed")
    save(header_of_a_patient(), tmp_path / "source" / "one.dcm")

    report = report_on(tool, tmp_path / "source", tmp_path / "out")

    [path] = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    after = dcmread(path, force=True)
    kept = {
        keyword
        for keyword in ("InstitutionAddress", "PatientComments", "PatientBirthDate")
        if str(after.get(keyword, "")) not in ("", "00010101")
    }
    found = rows(report)
    assert {name for _, name in found} >= kept
    assert not {name for check, name in found if check is Check.FILE}
    new = {(Check.UID, "SOPInstanceUID"), (Check.UID, "StudyInstanceUID")}
    assert not new & found
    if str(after.get("FrameOfReferenceUID", "")).startswith("1.3.12"):
        assert (Check.UID, "FrameOfReferenceUID") in found
    if "Zimmerquast" in str(after.get("StudyDescription", "")):
        assert any("StudyDescription" in note for note in report.notes)
    if tool is dicom_anonymizer:
        assert (Check.CRITERIA, "header") not in found


def test_a_level_makes_a_strange_word_a_finding(tmp_path: Path) -> None:
    save(header_of_a_patient(), tmp_path / "source" / "one.dcm")

    report = report_on(ctp, tmp_path / "source", tmp_path / "out", level="low")

    assert (Check.TEXT, "StudyDescription") in rows(report)


def test_a_root_that_is_named_counts_alone(tmp_path: Path) -> None:
    save(header_of_a_patient(), tmp_path / "source" / "one.dcm")
    ctp(tmp_path / "source", tmp_path / "out")

    report = verify(VerifyOptions(tmp_path / "out", uid_roots=("1.2.3",)))

    assert {(Check.UID, "SOPInstanceUID"), (Check.FILE, "name")} <= rows(report)


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_real_files_do_not_break_it(tool: Tool, tmp_path: Path) -> None:
    if not is_there(tool):
        pytest.skip("the tool is not installed")
    source = tmp_path / "source"
    source.mkdir()
    for folder in ("mr_siemens_mosaic", "mr_ge_epi", "us_burnedin", "ct_philips_chest"):
        paths = [path for path in sorted((REAL_DATA / folder).rglob("*")) if path.is_file()]
        for number, path in enumerate(paths[:3]):
            if path.read_bytes()[128:132] == b"DICM":
                shutil.copy(path, source / f"{folder}_{number}.dcm")

    report = report_on(tool, source, tmp_path / "out")

    assert report.files["DICOM"] >= 4
    assert (Check.MARKER, "BurnedInAnnotation") in rows(report)
