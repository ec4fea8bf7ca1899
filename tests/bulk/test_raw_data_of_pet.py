"""Norms and list-mode data go through `anonymize` whole; other raw data are excluded, and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
import pytest

from deidflow.bulk.result import Result
from deidflow.bulk.run import run
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.verdicts import Reason
from tests.synthetic import mr_instance, save

NON_IMAGE = "1.3.12.2.1107.5.9.1"
RAW = "1.2.840.10008.5.1.4.1.1.66"
IMAGE = (
    "PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel",
    "PhotometricInterpretation", "PixelRepresentation", "PixelSpacing", "ImagePositionPatient",
    "ImageOrientationPatient",
)  # fmt: skip
CSA = (
    b'SV10\4\3\2\1 <ParamString."PatientName"> { "Zimmerquast^Adelheid" } tPatientID = "PID-77120"'
)
EVENTS = bytes(range(256)) * 300 + b" 20220510 1.2.840.113619.2.55.3 " + b"\xff" * 99 + b"\0"
"""Binary data in which a date and a UID happen to be."""


def raw_object(
    path: Path,
    number: int,
    image_type: str,
    *,
    sop_class: str = NON_IMAGE,
    creator: str = "SIEMENS CSA NON-IMAGE",
    data: bytes = EVENTS,
) -> None:
    """An object as a PET/MR scanner exports it, its data in a private element."""
    changes: dict[str, Any] = dict.fromkeys(IMAGE)
    header = mr_instance(
        **changes, SOPClassUID=sop_class, Modality="PT", SOPInstanceUID=f"1.2.3.4.5.1.{number}"
    )
    header.ImageType = ["ORIGINAL", "PRIMARY", image_type]
    csa = header.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    csa.add_new(0x10, "OB", CSA)
    header.private_block(0x7FE1, creator, create=True).add_new(0x10, "OB", data)
    save(header, path)


def cleaned(tmp_path: Path, **changes: Any) -> tuple[Result, list[pydicom.Dataset]]:
    settings = {"sources": (tmp_path / "in",), "out": tmp_path / "out", **changes}
    result = run(AnonymizeSettings(**settings))
    return result, [pydicom.dcmread(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))]


def reasons(result: Result) -> dict[str, int]:
    codes = {reason.words: str(reason) for reason in Reason}
    return {codes[words]: count for _, words, count in result.reasons}


@pytest.mark.parametrize("level", ["low", "high"])
def test_norms_and_list_mode_stay_whole(tmp_path: Path, level: str) -> None:
    raw_object(tmp_path / "in/norm.ima", 1, "PET_NORM")
    raw_object(tmp_path / "in/list.dcm", 2, "PET_LISTMODE", sop_class=RAW)
    result, released = cleaned(tmp_path, level=level)
    assert len(released) == 2
    for header in released:
        assert header[0x7FE1, 0x1010].value == EVENTS
        csa = header[0x0029, 0x1010].value
        assert len(csa) == len(CSA) + len(CSA) % 2
        assert csa.startswith(b'SV10\4\3\2\1 <ParamString."PatientName"> { "XXXXX')
        assert b"Zimmerquast" not in csa
        assert b"PID-77120" not in csa
        assert str(header.PatientName) == "P001"
    assert not reasons(result)


def test_other_raw_data_are_excluded_and_counted(tmp_path: Path) -> None:
    raw_object(tmp_path / "in/sino.dcm", 1, "PET_EM_SINO")
    for name in ("a.s", "a.l", "a.n", "a.bf", "a.ptd"):
        (tmp_path / "in" / name).write_bytes(bytes(2000))
    (tmp_path / "in/a.hdr").write_text("!INTERFILE:=\n%patient name:=Zimmerquast\n")
    (tmp_path / "in/notes.txt").write_text("notes")
    result, released = cleaned(tmp_path)
    assert (released, reasons(result)) == ([], {"raw-data": 7, "not-dicom": 1})


@pytest.mark.parametrize(
    ("changes", "settings", "reason"),
    [
        ({}, {"private": "none"}, "raw-stripped"),
        ({"creator": "ACME RAW"}, {}, "raw-stripped"),
        ({"data": b"\0" * 99 + b"\n%patient name:=Somebody\n" + b"\0" * 99}, {}, "raw-text"),
    ],
)
def test_what_is_not_whole_is_not_released(
    tmp_path: Path, changes: dict[str, Any], settings: dict[str, str], reason: str
) -> None:
    raw_object(tmp_path / "in/norm.dcm", 1, "PET_NORM", **changes)
    result, released = cleaned(tmp_path, **settings)
    assert (released, reasons(result)) == ([], {reason: 1})
