"""Differences name attributes and actions, and show what identifies; never the other way round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from deidflow.bulk.differences import Change, Difference, differences
from deidflow.bulk.identifying import exposed
from deidflow.header.load_profile import load_profile
from deidflow.header.rules import compile_profile
from tests.headers import cleaner
from tests.synthetic import as_file, mr_instance, save

RULES = compile_profile(load_profile("high"))


def actions(before: Dataset, after: Dataset) -> dict[str, str]:
    """Action by attribute, without the file meta information."""
    rows = differences(as_file(before), as_file(after), RULES)
    return {attribute: action for attribute, action in rows if action != Change.REWRITTEN}


def with_changes(**changes: Any) -> Dataset:
    return mr_instance(**changes)


def test_equal_headers_have_no_differences() -> None:
    content = as_file(mr_instance())

    assert list(differences(content, content, RULES)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"PatientName": None}, {"PatientName": "removed"}),
        ({"PatientName": ""}, {"PatientName": "emptied"}),
        ({"PatientName": "P001"}, {"PatientName": "pseudonym"}),
        ({"StudyDate": "20000101"}, {"StudyDate": "date"}),
        ({"Rows": 9}, {"Rows": "cleaned"}),
        ({"PatientIdentityRemoved": "YES"}, {"PatientIdentityRemoved": "added"}),
    ],
)
def test_one_attribute_is_named_with_its_action(
    changes: dict[str, Any], expected: dict[str, str]
) -> None:
    assert actions(mr_instance(), with_changes(**changes)) == expected


def test_an_attribute_in_a_sequence_is_named_by_its_path() -> None:
    before, after = mr_instance(), mr_instance()
    for header, code in ((before, "T-D1100"), (after, "T-A0100")):
        item = Dataset()
        item.CodeValue = code
        header.AnatomicRegionSequence = [Dataset(), item]

    assert list(actions(before, after)) == ["AnatomicRegionSequence[2]/CodeValue"]


def test_a_sequence_that_loses_an_item_is_one_difference() -> None:
    before, after = mr_instance(), mr_instance()
    before.AnatomicRegionSequence = [Dataset(), Dataset()]
    after.AnatomicRegionSequence = [Dataset()]

    assert list(actions(before, after)) == ["AnatomicRegionSequence"]


@pytest.mark.parametrize(
    ("creator", "name"),
    [
        ("SIEMENS MR HEADER", "0019,[SIEMENS MR HEADER]0a"),
        ("DR ZIMMERQUAST", "0019,[?]0a"),
    ],
)
def test_only_known_private_creators_are_named(creator: str, name: str) -> None:
    before, after = mr_instance(), mr_instance()
    for header, value in ((before, "1"), (after, "2")):
        block = header.private_block(0x0019, creator, create=True)
        block.add_new(0x0A, "IS", value)

    assert actions(before, after) == {name: "cleaned"}


def test_a_private_element_without_creator_has_its_number() -> None:
    after = mr_instance()
    after.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")

    assert actions(mr_instance(), after) == {"0019,0010": "added"}


def test_pixels_are_not_compared() -> None:
    after = mr_instance(PixelData=bytes(128))

    assert actions(mr_instance(), after) == {}


def test_a_file_without_mark_is_compared_too() -> None:
    content = as_file(mr_instance())
    changed = as_file(mr_instance(PatientName=None))

    rows = list(differences(content[132:], changed, RULES))
    assert Difference("PatientName", Change.REMOVED) in rows


def test_no_action_holds_a_value_of_the_header() -> None:
    content = as_file(mr_instance())
    released = b"".join(cleaner("high").file(content))

    rows = list(differences(content, released, RULES))
    words = " ".join(f"{attribute} {action}" for attribute, action in rows)
    assert len(rows) > 10
    for value in ("Zimmerquast", "PID-77120", "19600412", "1.2.3.4.5"):
        assert value not in words


def shown(path: Path) -> dict[str, tuple[str, str]]:
    rows = exposed(path, force=False)
    assert rows is not None
    return {row.attribute: (row.code, row.value) for row in rows}


def test_listed_attributes_are_shown_with_their_codes(tmp_path: Path) -> None:
    rows = shown(save(mr_instance(), tmp_path / "scan.dcm"))

    assert rows["PatientName"] == ("Z", "Zimmerquast^Adelheid")
    assert rows["PatientBirthDate"] == ("Z", "19600412")
    assert "Rows" not in rows


def test_a_name_in_an_attribute_that_is_not_listed_is_shown_as_text(tmp_path: Path) -> None:
    header = mr_instance(ScanOptions="ZIMMERQUAST")
    rows = shown(save(header, tmp_path / "scan.dcm"))

    assert rows["ScanOptions"] == ("text", "ZIMMERQUAST")


def test_names_in_private_elements_and_sequences_are_shown(tmp_path: Path) -> None:
    header = mr_instance()
    block = header.private_block(0x0019, "ACME", create=True)
    block.add_new(0x01, "LO", "scan of Zimmerquast")
    block.add_new(0x02, "PN", "Somebody^Else")
    block.add_new(0x03, "LO", "nobody")
    item = Dataset()
    item.PatientID = "PID-77120"
    header.OtherPatientIDsSequence = [item]

    rows = shown(save(header, tmp_path / "scan.dcm"))
    assert rows["0019,[ACME]01"] == ("private", "scan of Zimmerquast")
    assert rows["0019,[ACME]02"] == ("private", "Somebody^Else")
    assert "0019,[ACME]03" not in rows
    assert rows["OtherPatientIDsSequence[1]/PatientID"] == ("Z/D", "PID-77120")


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    header = mr_instance(ImageComments="ä" * 300)
    rows = shown(save(header, tmp_path / "scan.dcm"))

    _, value = rows["ImageComments"]
    assert len(value) == 103
    assert value.isascii()


def test_what_is_not_dicom_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("seen by Zimmerquast")
    (tmp_path / "empty").touch()

    assert exposed(tmp_path / "notes.txt", force=False) is None
    assert exposed(tmp_path / "empty", force=True) is None
    assert exposed(tmp_path / "missing", force=False) is None


def test_a_file_without_mark_is_shown_with_force_only(tmp_path: Path) -> None:
    path = tmp_path / "no_mark"
    path.write_bytes(as_file(mr_instance())[132:])

    assert exposed(path, force=False) is None
    rows = exposed(path, force=True)
    assert rows is not None
    assert "PatientName" in [row.attribute for row in rows]
