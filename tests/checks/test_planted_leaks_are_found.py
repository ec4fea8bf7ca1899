"""The check finds what was planted, in every form, and nothing where nothing is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from deidflow.checks.cohort import CohortIndex
from deidflow.checks.leaks import ANOTHERS, OWN, LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.checks.series import ExpectedSeries, check_series
from deidflow.checks.source import SourceReader
from deidflow.checks.staged import check_leaks, check_names
from deidflow.header.text import Scrubber
from tests.synthetic import mr_instance, save

KEY = b"a key of the vault"
PATIENT = [
    ("name", "Zimmerquast^Jo^Ünal"),
    ("number", "00771204"),
    ("date", "19600412"),
    ("text", "Ypsilanti Clinic"),
]
OTHERS = [("name", "Neighbour^Nora"), ("name", "Ng^Wei"), ("id", "4471-9982"), ("number", "999")]
CLEAN = {
    "PatientName": "P001",
    "PatientID": "P001",
    "PatientBirthDate": "",
    "StudyDescription": "",
    "SeriesDescription": "T1",
    "StudyInstanceUID": "2.25.1",
    "SeriesInstanceUID": "2.25.2",
    "SOPInstanceUID": "2.25.3",
    "FrameOfReferenceUID": "2.25.4",
}


def plain_nifti(shape: tuple[int, int, int]) -> bytes:
    """A NIfTI-1 file with empty text fields."""
    content: bytes = nibabel.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)).to_bytes()
    return content


def search(
    own: Iterable[tuple[str, str]] = PATIENT, others: Iterable[tuple[str, str]] = OTHERS
) -> LeakSearch:
    cohort = CohortIndex.of(others, ["1.2.276.0.99.1.2"], KEY)
    uids = frozenset(("1.2.3.4.5.6",))
    return LeakSearch(OwnIdentifiers.of(own), Ours(frozenset(("P001", "M00"))), cohort, uids)


def findings(folder: Path, seeking: LeakSearch | None = None) -> set[tuple[str, str, str]]:
    found = check_leaks(folder, seeking or search())
    return {(row.attribute, row.whose, row.what.removeprefix("leak: ")) for row in found}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ReceiveCoilName": "for Zimmerquast"}, ("ReceiveCoilName", OWN, "name")),
        ({"ReceiveCoilName": "ZIMMERQUAST8ch"}, ("ReceiveCoilName", OWN, "name")),
        ({"ReceiveCoilName": "unal jo"}, ("ReceiveCoilName", OWN, "name")),
        ({"ReceiveCoilName": "Uenal"}, ("ReceiveCoilName", OWN, "name")),
        ({"ProtocolName": "no 77-1204"}, ("ProtocolName", OWN, "number")),
        ({"ProtocolName": "at ypsilanti clinic."}, ("ProtocolName", OWN, "text")),
        ({"ProtocolName": "born 12.04.1960"}, ("ProtocolName", OWN, "date")),
        ({"AcquisitionDate": "19600412"}, ("AcquisitionDate", OWN, "date")),
        ({"SOPInstanceUID": "1.2.3.4.5.6"}, ("SOPInstanceUID", OWN, "uid")),
        ({"ReceiveCoilName": "coil of Nora Neighbour"}, ("ReceiveCoilName", ANOTHERS, "name")),
        ({"ReceiveCoilName": "neighbour_nora"}, ("ReceiveCoilName", ANOTHERS, "name")),
        ({"ReceiveCoilName": "NeighbourNora"}, ("ReceiveCoilName", ANOTHERS, "name")),
        ({"ReceiveCoilName": "wei ng"}, ("ReceiveCoilName", ANOTHERS, "name")),
        ({"ReceiveCoilName": "id 4471 9982"}, None),
        ({"ReceiveCoilName": "id 44719982"}, ("ReceiveCoilName", ANOTHERS, "number")),
        ({"ReceiveCoilName": "id 4471-9982"}, ("ReceiveCoilName", ANOTHERS, "number")),
        ({"SOPInstanceUID": "1.2.276.0.99.1.2"}, ("SOPInstanceUID", ANOTHERS, "uid")),
        ({"ReceiveCoilName": "Nora"}, None),
        ({"ReceiveCoilName": "Norah Neighbourhood"}, None),
        ({"RepetitionTime": "999"}, None),
        ({"SeriesDescription": "removed BRAIN P001"}, None),
        ({}, None),
    ],
)
def test_a_value_of_a_dicom_file(
    tmp_path: Path, changes: dict[str, str], expected: tuple[str, str, str] | None
) -> None:
    save(mr_instance(**CLEAN | changes), tmp_path / "x.dcm")
    assert findings(tmp_path) == ({expected} if expected else set())


def test_nested_private_and_binary_values_name_their_attribute(tmp_path: Path) -> None:
    header = mr_instance(**CLEAN)
    block = header.private_block(0x2005, "ACME MR", create=True)
    block.add_new(0x10, "LO", "Zimmerquast")
    block.add_new(0x11, "OB", b"\x07\x91zimmerQUAST\0\0" + "Neighbour Nora".encode("utf-16-le"))
    inner = mr_instance(**CLEAN | {"ReceiveCoilName": "Zimmerquast"})
    del inner.PixelData
    header.ReferencedImageSequence = [inner]
    save(header, tmp_path / "x.dcm")
    assert findings(tmp_path) == {
        ("2005,ACME MR,10", OWN, "name"),
        ("2005,ACME MR,11", OWN, "name"),
        ("2005,ACME MR,11", ANOTHERS, "name"),
        ("ReceiveCoilName", OWN, "name"),
    }


def test_a_single_word_of_somebody_elses_name_is_doubtful_and_no_more(tmp_path: Path) -> None:
    seeking = search()
    save(mr_instance(**CLEAN | {"ReceiveCoilName": "Nora 8ch"}), tmp_path / "x.dcm")
    assert findings(tmp_path, seeking) == set()
    assert seeking.doubtful == {"ReceiveCoilName": 1}


@pytest.mark.parametrize(
    "term", ["HFS", "AXIAL", "PRIMARY", "ORIGINAL", "MR", "HEAD", "GR", "NONE"]
)
def test_a_defined_term_is_no_leak_whoever_is_called_so(tmp_path: Path, term: str) -> None:
    changes = {"PatientPosition": "HFS", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}
    save(mr_instance(**CLEAN | changes), tmp_path / "x.dcm")
    (tmp_path / "x.json").write_text(json.dumps({"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}))
    for kind in ("name", "id"):
        assert findings(tmp_path, search([(kind, term)])) == set()
        assert findings(tmp_path, search([], [(kind, term)])) == set()


def test_a_code_equals_somebodys_number_by_chance(tmp_path: Path) -> None:
    header = mr_instance(**CLEAN | {"SpecificCharacterSet": "ISO_IR 100"})
    code = mr_instance()
    code.clear()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-A0100", "SRT", "Head"
    header.ProcedureCodeSequence = [code]
    save(header, tmp_path / "x.dcm")
    assert findings(tmp_path, search([("id", "100"), ("number", "0100")])) == set()


class EverybodyHas:
    """Other patients have this value in this attribute."""

    def __init__(self, attribute: str, value: str) -> None:
        self.pair = attribute, value

    def is_shared(self, attribute: str, value: str) -> bool:
        return (attribute, value) == self.pair


def test_what_other_patients_share_is_nobodys(tmp_path: Path) -> None:
    save(
        mr_instance(**CLEAN | {"Manufacturer": "Nova Medical", "ReceiveCoilName": "Nova"}),
        tmp_path / "x.dcm",
    )
    seeking = search([("name", "Nova^Pia")])
    seeking.shared = EverybodyHas("Manufacturer", "Nova Medical")
    assert findings(tmp_path, seeking) == {("ReceiveCoilName", OWN, "name")}


def test_sidecars_and_file_names(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(
        json.dumps({"a": [{"b": "on 1960-04-12"}], "EchoTime": 19600412})
    )
    assert findings(tmp_path) == {("b", OWN, "date")}
    (tmp_path / "x.json").write_text(json.dumps({"ProtocolName": "Nora Neighbour"}))
    assert findings(tmp_path) == {("ProtocolName", ANOTHERS, "name")}
    (tmp_path / "x.json").unlink()
    (tmp_path / "Zimmerquast.bval").write_text("0 1000\n")
    assert findings(tmp_path) == {("file name", OWN, "name")}


def test_text_in_a_nifti_header_and_bytes_behind_its_voxels(tmp_path: Path) -> None:
    path = tmp_path / "image.nii.gz"
    content = plain_nifti((4, 4, 4))
    path.write_bytes(gzip.compress(content, mtime=0))
    assert check_leaks(tmp_path, search()) == []
    named = content[:148] + b"Zimmerquast".ljust(80, b"\0") + content[228:]
    path.write_bytes(gzip.compress(named, mtime=0))
    assert findings(tmp_path) == {("header", OWN, "name")}
    for broken in (content + b"x", content[:-1]):
        path.write_bytes(gzip.compress(broken, mtime=0))
        assert [row.what for row in check_leaks(tmp_path, search())] != []
    path.write_bytes(gzip.compress(content, mtime=0) + b"Zimmerquast")
    assert [row.what for row in check_leaks(tmp_path, search())] != []


def series_with(tmp_path: Path, pixels: bytes) -> list[str]:
    source = save(mr_instance(), tmp_path / "source.dcm")
    changes = {**CLEAN, "PixelData": pixels}
    save(mr_instance(**changes), tmp_path / "003-MR" / "defaced_dicom" / "slice_001.dcm")
    removed = np.zeros((1, 8, 8), bool)
    removed[0, 0, :4] = True
    packed: dict[str, Any] = {"slice_001.dcm": np.packbits(removed)}
    np.savez(tmp_path / "masks.npz", **packed)
    sources = (SourceReader(frozenset()).read(source),)
    expected = ExpectedSeries("003-MR", sources, tmp_path / "masks.npz", tmp_path)
    return [finding.what for finding in check_series(tmp_path / "003-MR", expected, search())]


def test_one_stored_value_that_differs_outside_the_mask_is_found(tmp_path: Path) -> None:
    values = np.arange(64, dtype="<u2")
    values[:4] = 0
    assert series_with(tmp_path / "right", values.tobytes()) == ["mask of NIfTI and DICOM differ"]
    values[40] += 1
    assert "stored values differ outside the mask" in series_with(
        tmp_path / "wrong", values.tobytes()
    )


def test_a_face_left_inside_the_mask_and_a_missing_instance_are_found(tmp_path: Path) -> None:
    values = np.arange(64, dtype="<u2")
    assert "stored values differ outside the mask" in series_with(tmp_path, values.tobytes())
    source = SourceReader(frozenset()).read(save(mr_instance(), tmp_path / "source.dcm"))
    expected = ExpectedSeries("003-MR", (source, source), None, tmp_path)
    (tmp_path / "003-MR" / "dicom").mkdir(parents=True)
    found = check_series(tmp_path / "003-MR", expected, search())
    assert [finding.what for finding in found] == ["instances missing or added"]


def test_file_meta_that_is_not_the_instances_is_found(tmp_path: Path) -> None:
    source = save(mr_instance(), tmp_path / "source.dcm")
    target = save(mr_instance(**CLEAN), tmp_path / "003-MR" / "dicom" / "slice_001.dcm")
    content = target.read_bytes()
    target.write_bytes(b"x" * 128 + content[128:])
    expected = ExpectedSeries("003-MR", (SourceReader(frozenset()).read(source),), None, tmp_path)
    found = check_series(tmp_path / "003-MR", expected, search())
    assert [finding.what for finding in found] == ["file meta does not fit the instance"]


@pytest.mark.parametrize(
    ("name", "text", "charset"),
    [
        ("Müllerström^Jörgen", "for Müllerström", "ISO_IR 100"),
        ("Müllerström^Jörgen", "for MÜLLERSTRÖM", "ISO_IR 192"),
        ("Wang=山田^太郎", "山田太郎様", "ISO_IR 192"),
        ("Wang=山田^太郎", "of 山田", "ISO_IR 192"),
    ],
)
def test_names_in_other_scripts_and_character_sets(
    tmp_path: Path, name: str, text: str, charset: str
) -> None:
    changes = {"SeriesDescription": text, "SpecificCharacterSet": charset}
    save(mr_instance(**CLEAN | changes), tmp_path / "x.dcm")
    assert ("SeriesDescription", OWN, "name") in findings(tmp_path, search([("name", name)]))
    cleaned = Scrubber.of((("name", name),)).clean(text).lower()
    assert not any(part in cleaned for part in ("müllerström", "山田", "太郎"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Иванов^Сергей", "for Ivanov"),
        ("Щербаков^Юрий", "SHCHERBAKOV"),
        ("Παπαδόπουλος^Γιώργος", "papadopoulos"),
    ],
)
def test_cyrillic_and_greek_names_in_latin_letters(tmp_path: Path, name: str, text: str) -> None:
    save(mr_instance(**CLEAN | {"ReceiveCoilName": text}), tmp_path / "x.dcm")
    assert findings(tmp_path, search([("name", name)])) == {("ReceiveCoilName", OWN, "name")}


@pytest.mark.parametrize("written", ["17.06.1955", "1955/06/17", "17 Jun 1955"])
def test_a_birth_date_that_is_no_date_is_found_as_it_is_written(
    tmp_path: Path, written: str
) -> None:
    save(mr_instance(**CLEAN | {"ReceiveCoilName": f"b. {written}"}), tmp_path / "x.dcm")
    assert findings(tmp_path, search([("birth", written)])) == {("ReceiveCoilName", OWN, "birth")}


def test_files_that_do_not_belong_are_found(tmp_path: Path) -> None:
    expected = ExpectedSeries("003-MR", (), tmp_path, tmp_path)
    (tmp_path / "r" / "003-MR" / "dicom").mkdir(parents=True)
    for name in (
        "session.json",
        "003-MR/defaced.json",
        "003-MR/image.nii.gz",
        "003-MR/dicom/slice_001.dcm",
        "stray",
    ):
        (tmp_path / "r" / name).touch()
    places = sorted(finding.place for finding in check_names(tmp_path / "r", [expected]))
    assert places == ["003-MR", "003-MR", "stray"]
