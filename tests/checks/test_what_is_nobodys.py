"""What the release writes itself, what the standard defines, and what other patients share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deidflow.checks.elements import Element, Level
from deidflow.checks.ours import Ours
from deidflow.checks.shared import SharedValues
from tests.checks.conftest import element
from tests.synthetic import mr_instance, save

OURS = Ours(frozenset(("P001", "M00")))
METHOD = 0x00120063
DERIVATION = 0x00082111
CHARSET = 0x00080005
CODE_VALUE = 0x00080100
CODE_MEANING = 0x00080104
IMAGE_TYPE = 0x00080008
SERIES_DESCRIPTION = 0x0008103E


def is_ours(tag: int, vr: bytes, raw: bytes, *kinds: str) -> bool:
    return OURS.is_ours(element(tag, vr, raw), kinds)


@pytest.mark.parametrize(
    ("tag", "vr", "raw"),
    [
        (0x00100010, b"PN", b"P001"),
        (0x00100020, b"LO", b"P001 "),
        (0x00120071, b"LO", b"M00"),
        (METHOD, b"LO", b"deidflow 1.2.3\\profile high"),
        (METHOD, b"LO", b"not de-identified by PS3.15"),
        (DERIVATION, b"ST", b"Face removed by deidflow 1.2.3"),
        (CHARSET, b"CS", b"ISO_IR 100"),
        (CHARSET, b"CS", b"\\ISO 2022 IR 87"),
        (CODE_MEANING, b"LO", b"Head"),
        (IMAGE_TYPE, b"CS", b"ORIGINAL\\PRIMARY\\M"),
        (SERIES_DESCRIPTION, b"LO", b""),
    ],
)
def test_what_we_or_the_standard_write_is_ours(tag: int, vr: bytes, raw: bytes) -> None:
    assert is_ours(tag, vr, raw)


@pytest.mark.parametrize(
    ("tag", "vr", "raw"),
    [
        (0x00100010, b"PN", b"P001 Zimmerquast"),
        (METHOD, b"LO", b"deidflow 1.2.3\\for Zimmerquast"),
        (DERIVATION, b"ST", b"Face removed by deidflow 1.2.3 for Zimmerquast"),
        (DERIVATION, b"ST", b"profile high"),
        (CHARSET, b"CS", b"ISO_IR ZIMMERQUAST"),
        (CODE_MEANING, b"LO", b"Zimmerquast"),
        (IMAGE_TYPE, b"CS", b"ORIGINAL\\ZIMMERQUAST"),
        (SERIES_DESCRIPTION, b"LO", b"ORIGINAL"),
    ],
)
def test_one_value_of_another_origin_is_not_ours(tag: int, vr: bytes, raw: bytes) -> None:
    assert not is_ours(tag, vr, raw)


def test_a_code_may_be_a_number_by_chance_but_not_a_name() -> None:
    assert is_ours(CODE_VALUE, b"SH", b"T-A0100", "number")
    assert is_ours(CODE_VALUE, b"SH", b"771204", "id")
    assert not is_ours(CODE_VALUE, b"SH", b"ZIMMERQUAST", "name")
    assert not is_ours(CODE_VALUE, b"SH", b"ZIMMERQUAST", "id", "staff")


def creator(text: str) -> Element:
    level = Level(creators={0x20050010: text})
    return Element(0x20050010, b"LO", text.encode(), level)


def test_a_listed_private_creator_is_ours_and_another_one_is_not() -> None:
    assert OURS.is_ours(creator("Philips MR Imaging DD 001"))
    assert not OURS.is_ours(creator("Zimmerquast"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P001", True),
        ("deidflow, profile high", True),
        ("ORIGINAL_PRIMARY_M", True),
        ("ORIGINAL PRIMARY", True),
        ("ORIGINAL_ZIMMERQUAST", False),
        ("deidflow, profile high for Zimmerquast", False),
        ("original", False),
    ],
)
def test_a_text_of_a_sidecar_is_made_of_defined_terms(text: str, expected: bool) -> None:
    assert OURS.is_term(text) is expected


def test_attributes_of_classes_are_known() -> None:
    assert OURS.is_class(0x00080016)
    assert OURS.is_class(0x00081150)
    assert not OURS.is_class(0x00080018)


def patient(folder: Path, name: str, **changes: Any) -> list[Path]:
    return [save(mr_instance(**changes), folder / name / "x.dcm")]


def test_a_value_that_two_others_have_is_nobodys(tmp_path: Path) -> None:
    others = [
        patient(tmp_path, "a", ReceiveCoilName="Nova 32ch"),
        patient(tmp_path, "b", ReceiveCoilName="NOVA 32ch "),
        patient(tmp_path, "c", ReceiveCoilName="other"),
    ]
    shared = SharedValues(others)
    assert shared.is_shared("ReceiveCoilName", "nova 32CH")
    assert not shared.is_shared("ReceiveCoilName", "other")
    assert not shared.is_shared("ProtocolName", "nova 32CH")


def test_an_attribute_is_known_by_its_last_part(tmp_path: Path) -> None:
    others = [patient(tmp_path, name, ReceiveCoilName="Nova") for name in "ab"]
    assert SharedValues(others).is_shared("Sequence/ReceiveCoilName", "Nova")


def test_two_series_of_one_other_patient_are_one(tmp_path: Path) -> None:
    paths = patient(tmp_path, "a", ReceiveCoilName="Nova")
    paths += patient(tmp_path, "b", ReceiveCoilName="Nova")
    assert not SharedValues([paths]).is_shared("ReceiveCoilName", "Nova")


def test_others_are_read_once_and_only_as_far_as_needed(tmp_path: Path) -> None:
    others = [patient(tmp_path, name, ReceiveCoilName="Nova") for name in "abc"]
    shared = SharedValues(others)
    assert shared.is_shared("ReceiveCoilName", "Nova")

    for (path,) in others:
        path.unlink()
    assert shared.is_shared("ReceiveCoilName", "Nova")
    assert not shared.is_shared("ReceiveCoilName", "other")


def test_files_that_cannot_be_read_say_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"no DICOM")
    others = [[broken], [tmp_path / "absent.dcm"]]
    others += [patient(tmp_path, name, ReceiveCoilName="Nova") for name in "ab"]
    assert SharedValues(others).is_shared("ReceiveCoilName", "Nova")


def test_no_more_than_three_hundred_files_are_asked(tmp_path: Path) -> None:
    many = patient(tmp_path, "a", ReceiveCoilName="other") * 300
    others = [many, *(patient(tmp_path, name, ReceiveCoilName="Nova") for name in "bc")]
    assert not SharedValues(others).is_shared("ReceiveCoilName", "Nova")
    assert SharedValues(others[1:]).is_shared("ReceiveCoilName", "Nova")
