"""Contacts in private elements that a weak profile keeps are named by attribute, never by value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import deidflow
from deidflow.header.contacts import kind_of
from tests.synthetic import mr_instance, save


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"adelheid.z@example.org", "e-mail address"),
        (b"call +49 30 901820-11", "telephone number"),
        (b"(030) 901 8201", "telephone number"),
        (b"555 867-5309", "telephone number"),
        (b"Tel.: 90182011", "telephone number"),
        (b"078-05-1120", "national number"),
        (b"943 476 5919", "national number"),
        (b"255081416802538", "national number"),
        (b"A123456780", "national number"),
        (b"RSSMRA85T10A562S", "national number"),
        (b"811218-9876", "national number"),
        (b"943 476 5918", ""),
        (b"255081416802539", ""),
        (b"A123456781", ""),
        (b"000-00-0000", ""),
        (b"1.2.840.113619.2.1.4.1.20240110", ""),
        (b"+1.23456789012345", ""),
        (b"-0.12345678901234", ""),
        (b"20240110", ""),
        (b"2024-01-10", ""),
        (b"093000.123000", ""),
        (b"0000 0000 0000", ""),
        (b"syngo MR E11 0123456789", ""),
        (b"T1_MPRAGE@ISO", ""),
        (b"\x01\x00adelheid@example.org", ""),
    ],
)
def test_what_looks_like_a_contact(value: bytes, kind: str) -> None:
    assert kind_of(value) == kind


def save_private(folder: Path, count: int = 3) -> None:
    for number in range(1, count + 1):
        header = mr_instance(SOPInstanceUID=f"1.2.3.4.5.1.{number}", InstanceNumber=number)
        block = header.private_block(0x0019, "ACME NOTES", create=True)
        block.add_new(0x10, "LO", "+49 30 901820-11")
        block.add_new(0x11, "LO", "gradient 3")
        block.add_new(0x12, "UN", b"trial.desk@example.org")
        save(header, folder / f"{number}.dcm")


@pytest.mark.parametrize(
    "flags",
    [
        {"profile": "research"},
        {"profile": "pseudonymize"},
        {"keep": ["0019,[ACME NOTES]xx"], "level": "low"},
    ],
)
def test_each_attribute_is_named_once_with_its_files(
    tmp_path: Path, flags: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    save_private(tmp_path / "in")
    result = deidflow.anonymize(tmp_path / "in", tmp_path / "out", workers=1, **flags)
    named = [warning for warning in result.warnings if "looks like" in warning]
    assert [warning.split(";")[0] for warning in named] == [
        "private element 0019,[ACME NOTES]10 was kept and looks like a telephone number in 3 files",
        "private element 0019,[ACME NOTES]12 was kept and looks like an e-mail address in 3 files",
    ]
    text = capsys.readouterr().err
    assert "0019,[ACME NOTES]12" in text
    assert "901820" not in text
    assert "example.org" not in text


def test_profiles_that_keep_no_private_text_say_nothing(tmp_path: Path) -> None:
    save_private(tmp_path / "in")
    result = deidflow.anonymize(tmp_path / "in", tmp_path / "out", workers=1, level="low")
    assert not [warning for warning in result.warnings if "looks like" in warning]


def test_quiet_and_verbose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_private(tmp_path / "in", 1)
    (tmp_path / "in" / "notes.txt").write_text("x")
    deidflow.anonymize(tmp_path / "in", tmp_path / "a", workers=1, profile="research", quiet=True)
    assert capsys.readouterr() == ("", "")
    deidflow.anonymize(tmp_path / "in", tmp_path / "b", workers=1, verbose=True)
    assert "000002 skipped" in capsys.readouterr().err
    with pytest.raises(deidflow.errors.UsageError, match="contradict"):
        deidflow.anonymize(tmp_path / "in", tmp_path / "c", quiet=True, verbose=True)
