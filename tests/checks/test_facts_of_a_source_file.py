"""What is read of a source: what tells instances apart, UIDs, kept values, where pixels are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian

from deidflow.checks.cells import Cells
from deidflow.checks.dicom_file import open_file
from deidflow.checks.facts import Facts
from deidflow.checks.source import SourceFile, SourceReader
from tests.checks.conftest import element
from tests.synthetic import as_file, mr_instance, save

PATIENT_NAME = 0x00100010
MANUFACTURER = 0x00080070


def source_of(tmp_path: Path, keep: frozenset[int] = frozenset(), **changes: Any) -> SourceFile:
    path = save(mr_instance(**changes), tmp_path / "x.dcm")
    return SourceReader(keep).read(path)


def facts_of(**changes: Any) -> Facts:
    file = open_file(as_file(mr_instance(**changes)))
    return Facts().take_all(file.elements())


def cells_of(**changes: Any) -> Cells:
    file = open_file(as_file(mr_instance(**changes)))
    facts = Facts().take_all(file.elements())
    cells = facts.cells(file)
    assert cells is not None
    return cells


@pytest.mark.parametrize(
    "changes",
    [
        {"InstanceNumber": 2},
        {"EchoNumbers": 2},
        {"TemporalPositionIdentifier": 2},
        {"ImagePositionPatient": ["0", "0", "1"]},
        {"NumberOfFrames": 1},
    ],
)
def test_instances_that_differ_are_told_apart(changes: dict[str, Any]) -> None:
    assert facts_of(**changes).identity != facts_of().identity


@pytest.mark.parametrize(
    "changes",
    [
        {"PatientName": "P001"},
        {"SOPInstanceUID": "2.25.1"},
        {"ImagePositionPatient": ["0.0", "0.00", "0"]},
        {"AcquisitionTime": "000000"},
    ],
)
def test_what_is_de_identified_does_not_tell_instances_apart(changes: dict[str, Any]) -> None:
    assert facts_of(**changes).identity == facts_of().identity


def test_a_position_that_is_no_number_is_none() -> None:
    facts = Facts(top={0x00200032: rb"0\x\1"})
    assert facts.identity[-1] == ()


def test_uids_of_objects_are_collected_and_those_of_classes_are_not(tmp_path: Path) -> None:
    source = source_of(tmp_path)
    assert source.uids == {
        "1.2.3.4.5",
        "1.2.3.4.5.1",
        "1.2.3.4.5.1.1.1",
        "1.2.3.4.9",
    }


def test_uids_in_sequences_are_collected(tmp_path: Path) -> None:
    inner = mr_instance()
    inner.clear()
    inner.ReferencedSOPClassUID = "1.2.3.7"
    inner.ReferencedSOPInstanceUID = "1.2.3.8"
    source = source_of(tmp_path, ReferencedImageSequence=Sequence([inner]))
    assert "1.2.3.8" in source.uids
    assert "1.2.3.7" not in source.uids


def test_values_that_the_profile_keeps_are_collected_from_the_root_only(tmp_path: Path) -> None:
    inner = mr_instance()
    inner.clear()
    inner.Manufacturer = "Inner"
    source = source_of(
        tmp_path,
        keep=frozenset((PATIENT_NAME, MANUFACTURER)),
        ReferencedImageSequence=Sequence([inner]),
    )
    assert source.kept == {"Zimmerquast^Adelheid", "ACME"}


def test_cells_are_where_the_pixels_are() -> None:
    content = as_file(mr_instance())
    cells = cells_of()
    assert content[cells.start : cells.end] == mr_instance().PixelData
    assert cells.shape == (1, 8, 8, 1)
    assert (cells.allocated, cells.stored, cells.lowest) == (16, 12, 0)


def test_bits_may_be_at_the_upper_end_of_a_cell() -> None:
    assert cells_of(HighBit=15).lowest == 4


@pytest.mark.parametrize(("frames", "expected"), [("2", 2), ("0", 1), ("x", 1), ("", 1), ("-1", 1)])
def test_the_number_of_frames_is_one_where_it_is_odd(frames: str, expected: int) -> None:
    file = open_file(as_file(mr_instance()))
    facts = Facts().take_all(file.elements())
    facts.top[0x00280008] = frames.encode()
    cells = facts.cells(file)
    assert cells is not None
    assert cells.shape[0] == expected


def test_colours_in_planes_are_noted() -> None:
    cells = cells_of(SamplesPerPixel=3, PlanarConfiguration=1)
    assert cells.planar
    assert cells.shape == (1, 8, 8, 3)


def test_a_file_without_pixels_has_no_cells(tmp_path: Path) -> None:
    assert source_of(tmp_path, PixelData=None).cells is None


def test_compressed_pixels_need_a_decoder(tmp_path: Path) -> None:
    header = mr_instance()
    as_file(header)
    header.compress("1.2.840.10008.1.2.5")
    path = tmp_path / "x.dcm"
    path.write_bytes(as_file(header, "1.2.840.10008.1.2.5"))
    assert SourceReader(frozenset()).read(path).cells is None


def test_absent_values_are_empty_or_the_default() -> None:
    facts = Facts()
    assert facts.text(0x00200013) == ""
    assert facts.short(0x00280010) == 0
    assert facts.short(0x00280002, default=1) == 1
    assert facts.sop_class == b""


def test_padding_does_not_count() -> None:
    facts = Facts()
    facts.take(element(0x00080018, b"UI", b"1.2.3\0"))
    facts.take(element(0x00200013, b"IS", b" 7 "))
    assert facts.sop_instance == b"1.2.3"
    assert facts.text(0x00200013) == "7"


def without_mark(content: bytes) -> bytes:
    return content[132:]


def cut(content: bytes) -> bytes:
    return content[:-10]


@pytest.mark.parametrize("damage", [without_mark, cut])
def test_an_odd_file_is_read_by_pydicom(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(damage(as_file(mr_instance())))
    source = SourceReader(frozenset((PATIENT_NAME,))).read(path)
    assert source.identity == facts_of().identity
    assert "1.2.3.4.5.1.1.1" in source.uids
    assert source.kept == {"Zimmerquast^Adelheid"}
    assert source.cells is None


def test_a_big_endian_file_is_read_by_pydicom(tmp_path: Path) -> None:
    inner = mr_instance()
    inner.clear()
    inner.ReferencedSOPInstanceUID = "1.2.3.8"
    header = mr_instance(ReferencedImageSequence=Sequence([inner]))
    as_file(header)
    header.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    path = tmp_path / "x.dcm"
    header.save_as(path, implicit_vr=False, little_endian=False, enforce_file_format=True)

    source = SourceReader(frozenset()).read(path)
    assert source.identity == facts_of().identity
    assert "1.2.3.8" in source.uids
    assert source.cells is None
