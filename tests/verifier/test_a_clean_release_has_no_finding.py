"""No false alarm: what deidflow releases is clean, alone and beside its source."""

from __future__ import annotations

import json

import pytest

from deidflow.verifier.findings import Check
from tests.commands import DemoRun, command_line
from tests.verifier.conftest import MiniRelease


@pytest.mark.parametrize("with_source", [False, True])
def test_a_release_of_level_low(low: MiniRelease, with_source: bool) -> None:
    report = low.verify(with_source=with_source)

    assert report.findings == []
    assert report.files["DICOM"] == 6


@pytest.mark.parametrize("with_source", [False, True])
def test_a_release_of_level_high(high: MiniRelease, with_source: bool) -> None:
    report = high.verify(with_source=with_source)

    assert report.findings == []
    assert report.files["DICOM"] == 12


def test_one_subject_of_a_release(high: MiniRelease) -> None:
    report = high.verify(with_source=True, subjects=("P002",))

    assert report.findings == []
    assert report.files["DICOM"] == 6


def test_a_release_of_level_low_is_none_of_level_high(low: MiniRelease) -> None:
    found = low.found(level="high")

    assert {(Check.DATE, "StudyDate"), (Check.FORBIDDEN, "PatientWeight")} <= found


def test_a_release_without_patient_ids_that_says_so(low: MiniRelease) -> None:
    for path in low.release.rglob("*.dcm"):
        low.change(lambda header: setattr(header, "PatientID", ""), path)
    assert low.found() == {(Check.PATIENT, "PatientID")}

    path = low.release / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "patient_id": "empty"}))
    low.seal()
    assert low.found() == set()


def test_a_profile_of_a_site_is_held_to_its_codes(low: MiniRelease) -> None:
    path = low.release / "dataset.json"
    named = json.loads(path.read_bytes())
    named["profile"]["name"] = "site"
    path.write_text(json.dumps(named))
    low.seal()
    assert low.found() == set()

    low.change(lambda header: setattr(header, "PatientBirthDate", "19600412"))
    assert (Check.FORBIDDEN, "PatientBirthDate") in low.found()


@pytest.mark.slow
def test_the_demo_by_its_command(demo_run: DemoRun) -> None:
    result = command_line(
        *("verify", demo_run.release, "--vault", demo_run.vault),
        *("--source", demo_run.source, "--json"),
    )

    report = json.loads(result.stdout)
    assert (result.returncode, report["findings"]) == (0, [])
    assert set(report["subjects"].values()) == {"PASS"}
