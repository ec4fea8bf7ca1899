"""The outsider finds what was planted, in every form, and nothing where nothing is."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from deidflow.checks.leaks import LeakSearch
from deidflow.checks.patterns import collect
from deidflow.checks.staged import ExpectedSeries, check_leaks, check_series
from tests.conftest import mr_instance, save

OWN = [("name", "Zimmerquast^Jo^Ünal"), ("number", "00771204"), ("date", "19600412"), ("text", "Ypsilanti Clinic")]
SEARCH = LeakSearch(collect([("name", "Neighbour^Nora"), ("number", "999")], OWN, ["1.2.3.4.5.6"], ["P001"]))


def findings(path: Path) -> set[str]:
    return {finding.what for finding in check_leaks(path.parent, SEARCH)}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x07\x91zimmerQUAST\x00", "name"),
        ("Zimmerquast".encode("utf-16-le"), "name"),
        (b"by NEIGHBOUR today", "name"),
        (b"id=771204;", "number"),
        (b"\0\x011.2.3.4.5.6\0", "uid"),
        (b"at ypsilanti clinic.", "text"),
    ],
)
def test_planted_in_bytes_and_in_gzip(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "x.bin").write_bytes(bytes(1000) + content + bytes(1000))
    assert findings(tmp_path / "plain" / "x.bin") == {f"leak: {kind}"}
    (tmp_path / "packed").mkdir()
    with gzip.open(tmp_path / "packed" / "x.nii.gz", "wb") as stream:
        stream.write(bytes(9 << 20) + content)
    assert findings(tmp_path / "packed" / "x.nii.gz") == {f"leak: {kind}"}


@pytest.mark.parametrize(
    "content", [b"\0\x011.2.3.4.5.60\0", b"91.2.3.4.5.6", b"2.25.1277120499", b"removed BRAIN P001"]
)
def test_no_false_alarm(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.bin").write_bytes(content)
    assert findings(tmp_path / "x.bin") == set()


def test_planted_in_a_file_name(tmp_path: Path) -> None:
    (tmp_path / "Zimmerquast.nii").touch()
    assert findings(tmp_path / "x") == {"leak: name"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"SeriesDescription": "T1 of Nora"}, {"leak: name"}),
        ({"SeriesDescription": "T1 Norah"}, set()),
        ({"AcquisitionDate": "19600412"}, {"leak: date"}),
        ({"SeriesDescription": "born 12.04.1960"}, {"leak: date"}),
        ({"RepetitionTime": "999"}, set()),
        ({}, set()),
    ],
)
def test_short_words_and_dates_in_text_only(tmp_path: Path, changes: dict[str, str], found: set[str]) -> None:
    plain = {"PatientName": "P001", "PatientID": "P001", "PatientBirthDate": "", "StudyDescription": ""}
    uids = {"StudyInstanceUID": "2.25.1", "SeriesInstanceUID": "2.25.2", "SOPInstanceUID": "2.25.3"}
    save(mr_instance(**plain, **uids, **changes), tmp_path / "x.dcm")
    assert findings(tmp_path / "x.dcm") == found


def test_dates_in_a_sidecar(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"a": [{"b": "on 1960-04-12"}], "EchoTime": 19600412}))
    assert findings(tmp_path / "x.json") == {"leak: date"}


def series_with(tmp_path: Path, pixels: bytes) -> list[str]:
    source = save(mr_instance(), tmp_path / "source.dcm")
    save(mr_instance(PixelData=pixels), tmp_path / "003-MR" / "defaced_dicom" / "slice_001.dcm")
    removed = np.zeros((1, 8, 8), bool)
    removed[0, 0, :4] = True
    np.savez(tmp_path / "masks.npz", **{"slice_001.dcm": np.packbits(removed)})
    expected = ExpectedSeries("003-MR", (source,), tmp_path / "masks.npz", tmp_path)
    return [finding.what for finding in check_series(tmp_path / "003-MR", expected)]


def test_one_stored_value_that_differs_outside_the_mask_is_found(tmp_path: Path) -> None:
    values = np.arange(64, dtype="<u2")
    values[:4] = 0
    assert "stored values differ outside the mask" not in series_with(tmp_path / "right", values.tobytes())
    values[40] += 1
    assert "stored values differ outside the mask" in series_with(tmp_path / "wrong", values.tobytes())


def test_a_missing_mask_image_and_a_missing_instance_are_found(tmp_path: Path) -> None:
    values = np.arange(64, dtype="<u2")
    values[:4] = 0
    assert series_with(tmp_path / "a", values.tobytes()) == ["mask of NIfTI and DICOM differ"]
    source = save(mr_instance(), tmp_path / "source.dcm")
    expected = ExpectedSeries("003-MR", (source, source), None, tmp_path)
    (tmp_path / "003-MR" / "dicom").mkdir(parents=True)
    assert [one.what for one in check_series(tmp_path / "003-MR", expected)] == ["instances missing or added"]


@pytest.mark.parametrize(
    ("name", "text", "charset"),
    [
        ("Müllerström^Jörgen", "for Müllerström", "ISO_IR 100"),
        ("Müllerström^Jörgen", "for MÜLLERSTRÖM", "ISO_IR 192"),
        ("Wang=山田^太郎", "山田太郎様", "ISO_IR 192"),
        ("Wang=山田^太郎", "of 山田", "ISO_IR 192"),
    ],
)
def test_names_in_other_scripts_and_character_sets(tmp_path: Path, name: str, text: str, charset: str) -> None:
    from deidflow.header.text import Scrubber

    plain = {"PatientName": "P001", "PatientID": "P001", "StudyDescription": "", "SeriesDescription": text}
    save(mr_instance(**plain, SpecificCharacterSet=charset), tmp_path / "x.dcm")
    search = LeakSearch(collect([], [("name", name)], [], []))
    assert {one.what for one in check_leaks(tmp_path, search)} == {"leak: name"}
    cleaned = Scrubber.of((("name", name),)).clean(text)
    assert not {"müllerström", "山田", "太郎"} & {cleaned.lower()[i:j] for i in range(12) for j in range(i, 16)}


def test_files_that_do_not_belong_and_faces_left_inside_the_mask_are_found(tmp_path: Path) -> None:
    from deidflow.checks.staged import check_names

    values = np.arange(64, dtype="<u2")
    assert "stored values differ outside the mask" in series_with(tmp_path, values.tobytes()), "nothing was filled"
    expected = ExpectedSeries("003-MR", (), tmp_path, tmp_path)
    (tmp_path / "r" / "003-MR" / "dicom").mkdir(parents=True)
    for name in ("session.json", "003-MR/defaced.json", "003-MR/image.nii.gz", "003-MR/dicom/slice_001.dcm", "stray"):
        (tmp_path / "r" / name).touch()
    assert sorted(one.place for one in check_names(tmp_path / "r", [expected])) == ["003-MR", "003-MR", "stray"]
