"""No false alarm: what deidflow releases is clean, alone and beside its source."""

from __future__ import annotations

import json

import pytest

from tests.conftest import DemoRun, command_line
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


def test_the_demo_by_its_command(demo_run: DemoRun) -> None:
    result = command_line(
        *("verify", demo_run.release, "--vault", demo_run.vault),
        *("--source", demo_run.source, "--json"),
    )

    report = json.loads(result.stdout)
    assert (result.returncode, report["findings"]) == (0, [])
    assert set(report["subjects"].values()) == {"PASS"}
