"""What identifies is shown on a terminal, with the code of PS3.15."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from deidflow.bulk.identifying import exposed
from tests.synthetic import as_file, mr_instance, save


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
