"""Conformance by dciodvfy where it is installed, and what the flow tells Prefect."""

from __future__ import annotations

import shutil

import pytest

from deidflow.errors import UsageError
from deidflow.settings.run import RunSettings
from deidflow.verifier.conformance import TOOL
from deidflow.verifier.findings import Check
from flows.verify import message_of, verified
from tests.verifier.conftest import WHOLE, MiniRelease

needs_dciodvfy = pytest.mark.skipif(shutil.which(TOOL) is None, reason="dciodvfy is not installed")


def without_frame_of_reference(header: object) -> None:
    """Remove an attribute that every MR image needs."""
    del header.FrameOfReferenceUID  # type: ignore[attr-defined]


@needs_dciodvfy
def test_an_error_that_the_source_has_not(low: MiniRelease) -> None:
    assert low.found(with_source=True, conformance="kinds") == set()

    low.change(without_frame_of_reference)

    expected = (Check.CONFORMANCE, "FrameOfReferenceUID")
    assert expected in low.found(with_source=True, conformance="kinds")


@needs_dciodvfy
def test_one_instance_of_each_kind_or_all(low: MiniRelease) -> None:
    low.change(without_frame_of_reference, low.instance("P001", WHOLE, 2))

    expected = (Check.CONFORMANCE, "FrameOfReferenceUID")
    assert expected not in low.found(with_source=True, conformance="kinds")
    assert expected in low.found(with_source=True, conformance="all")


@needs_dciodvfy
def test_without_the_source_errors_are_notes(low: MiniRelease) -> None:
    low.change(without_frame_of_reference)

    report = low.verify(conformance="kinds")

    assert report.findings == []
    assert any("FrameOfReferenceUID" in note for note in report.notes)


def test_without_the_tool_the_report_says_so(
    low: MiniRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    report = low.verify(conformance="kinds")

    assert report.findings == []
    assert "dciodvfy is not installed: conformance was not checked" in report.notes


def settings(mini: MiniRelease) -> RunSettings:
    return RunSettings(source=mini.source, release=mini.release, vault=mini.vault, level="low")


def test_the_flow_tells_checks_and_attributes_only(low: MiniRelease) -> None:
    low.change(lambda header: setattr(header, "PatientBirthDate", "19600412"))

    report, withdrawn = verified(settings(low), "P001", withdraw=True)

    message = message_of(report, withdrawn)
    assert "forbidden attribute: PatientBirthDate (1)" in message
    assert "1 sessions withdrawn" in message
    assert "19600412" not in message


def test_the_flow_of_a_clean_release(low: MiniRelease) -> None:
    report, withdrawn = verified(settings(low), "", withdraw=False)

    assert message_of(report, withdrawn) == "clean"


def test_the_flow_takes_pseudonyms_only(low: MiniRelease) -> None:
    with pytest.raises(UsageError, match="not a pseudonym"):
        verified(settings(low), "Zimmerquast^Adelheid", withdraw=False)
