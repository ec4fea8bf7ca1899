"""Files that would hang, blow up or fool a reader get a verdict, quickly."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path

import pytest

from deidflow.dicom.inventory import read_file
from deidflow.dicom.source_walk import walk
from deidflow.verdicts import Reason, Verdict
from tests.synthetic import mr_instance, save

META = b"\2\0\x10\0UI"


def part10(body: bytes, syntax: bytes = b"1.2.840.10008.1.2.1\0") -> bytes:
    return bytes(128) + b"DICM" + META + struct.pack("<H", len(syntax)) + syntax + body


def reason(tmp_path: Path, content: bytes) -> Reason | None:
    (tmp_path / "x").write_bytes(content)
    return read_file(tmp_path, "x").reason


def test_a_sequence_nested_300_levels_deep(tmp_path: Path) -> None:
    level = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    assert reason(tmp_path, part10(level * 300)) is Reason.TOO_DEEP


def test_a_length_beyond_the_file(tmp_path: Path) -> None:
    assert (
        reason(tmp_path, part10(struct.pack("<HH2sHI", 8, 5, b"UT", 0, 1 << 31)))
        is Reason.TRUNCATED
    )


def test_too_many_elements(tmp_path: Path) -> None:
    element = struct.pack("<HH2sH", 0x0008, 0x0005, b"CS", 0)
    assert reason(tmp_path, part10(element * 200_001)) is Reason.TOO_MANY_ELEMENTS


def test_a_deflate_bomb(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(400 << 20)) + packer.flush()
    assert reason(tmp_path, part10(bomb, b"1.2.840.10008.1.2.1.99")) is Reason.TOO_LARGE


def test_an_unknown_value_representation(tmp_path: Path) -> None:
    assert (
        reason(tmp_path, part10(struct.pack("<HH2sH", 8, 5, b"??", 2) + b"AB")) is Reason.MALFORMED
    )


def test_an_unknown_transfer_syntax(tmp_path: Path) -> None:
    assert reason(tmp_path, part10(b"", b"1.2.3.4\0")) is Reason.UNKNOWN_SYNTAX


def test_half_of_a_file(tmp_path: Path) -> None:
    whole = save(mr_instance(), tmp_path / "whole").read_bytes()
    assert reason(tmp_path, whole[:-40]) is Reason.TRUNCATED


def test_more_pixels_than_the_limit(tmp_path: Path) -> None:
    """Declared size counts, also where compression hides it: two billion frames in a few bytes."""
    save(mr_instance(NumberOfFrames=2_000_000_000), tmp_path / "x")
    assert read_file(tmp_path, "x").reason is Reason.TOO_LARGE


def test_fewer_pixels_than_rows_and_columns(tmp_path: Path) -> None:
    save(mr_instance(PixelData=bytes(100)), tmp_path / "x")
    assert read_file(tmp_path, "x").reason is Reason.PIXEL_LENGTH


@pytest.mark.parametrize(
    ("content", "verdict", "why"),
    [
        (b"", Verdict.SKIPPED, Reason.EMPTY_FILE),
        (b"just text", Verdict.SKIPPED, Reason.NOT_DICOM),
        (gzip.compress(b"a file", mtime=0), Verdict.SKIPPED, Reason.ARCHIVE),
        (b"\x08\0\x05\0CS\x02\0AB", Verdict.QUARANTINED, Reason.NO_MARK),
    ],
)
def test_files_that_are_no_dicom_files(
    tmp_path: Path, content: bytes, verdict: Verdict, why: Reason
) -> None:
    (tmp_path / "x").write_bytes(content)
    entry = read_file(tmp_path, "x")
    assert (entry.verdict, entry.reason) == (verdict, why)


def test_links_and_pipes_are_no_files_and_nothing_hangs(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert [one.path for one in walk(tmp_path)] == ["real"]


def test_bytes_behind_the_pixel_data_do_not_matter(tmp_path: Path) -> None:
    whole = save(mr_instance(), tmp_path / "whole").read_bytes()
    (tmp_path / "x").write_bytes(whole + b"PID-77120 was here")
    assert read_file(tmp_path, "x").verdict is None


def test_a_dicomdir_is_skipped_and_its_absent_files_are_named(tmp_path: Path) -> None:
    from pydicom.fileset import FileSet

    made = FileSet()
    made.add(mr_instance_for_media())
    made.write(tmp_path / "media")
    listed = next(
        path
        for path in (tmp_path / "media").rglob("*")
        if path.is_file() and path.name != "DICOMDIR"
    )
    entry = read_file(tmp_path, "media/DICOMDIR")
    assert (entry.verdict, entry.reason, entry.absent) == (Verdict.SKIPPED, Reason.DICOMDIR, ())
    listed.unlink()
    assert read_file(tmp_path, "media/DICOMDIR").absent == (str(listed.relative_to(tmp_path)),)


def mr_instance_for_media():  # type: ignore[no-untyped-def]
    from pydicom.dataset import FileMetaDataset

    header = mr_instance(StudyID="1", AccessionNumber="A")
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    return header
