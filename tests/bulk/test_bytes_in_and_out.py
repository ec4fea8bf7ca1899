"""Whole files are read, written and backed up without loss, and their facts are in order."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

import deidflow
from deidflow.bulk.backup import back_up_batch
from deidflow.bulk.locate import Located, locate
from deidflow.bulk.raw_files import FileRange, opened, read_whole, write_new
from deidflow.bulk.read import ReadFile, read_all, with_hashes
from deidflow.errors import EnvironmentFault, Withheld
from deidflow.store.files import Signature
from deidflow.verdicts import Reason
from tests.places import mounted, tree_digest
from tests.synthetic import mr_instance, save, save_series

LIMIT = 4 << 30


@pytest.mark.parametrize("size", [0, 1, 4096, 3_000_001])
def test_a_file_is_read_whole(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)

    assert read_whole(str(tmp_path / "file")) == content


@pytest.mark.parametrize("count", [1, 512, 513, 2000])
def test_any_number_of_chunks_is_written(tmp_path: Path, count: int) -> None:
    path = tmp_path / "file"
    chunks = [b"%d," % number for number in range(count)]

    signature = write_new(str(path), [memoryview(chunk) for chunk in chunks])
    assert path.read_bytes() == b"".join(chunks)
    assert signature == Signature.of(path)


def test_the_tail_of_another_file_follows_the_chunks(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"header" + b"pixels" * 100_000)

    with opened(str(source)) as descriptor:
        pixels = FileRange(descriptor, start=6, length=600_000)
        write_new(str(tmp_path / "out"), [b"clean"], pixels)
    assert (tmp_path / "out").read_bytes() == b"clean" + b"pixels" * 100_000


def test_a_source_that_was_cut_meanwhile_is_withheld(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"pixels")

    with opened(str(source)) as descriptor, pytest.raises(Withheld) as caught:
        write_new(str(tmp_path / "out"), [b"clean"], FileRange(descriptor, 0, 7))
    assert caught.value.reason is Reason.SOURCE_CHANGED


def test_a_backup_keeps_the_tree_and_is_private(tmp_path: Path) -> None:
    save_series(tmp_path / "in" / "a" / "b")
    paths = [path.name for path in (tmp_path / "in" / "a" / "b").iterdir()]
    folders = (str(tmp_path / "in" / "a"), str(tmp_path / "copy"))

    assert back_up_batch(folders, [f"b/{name}" for name in paths]) == []
    assert tree_digest(tmp_path / "copy") == tree_digest(tmp_path / "in" / "a")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "copy" / "b").iterdir()}
    assert modes == {0o600}


def test_a_source_that_is_gone_is_named_by_the_backup(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "there").write_text("x")
    folders = (str(tmp_path / "in"), str(tmp_path / "copy"))

    assert back_up_batch(folders, ["gone", "there"]) == ["gone"]


def test_a_full_disk_ends_the_backup_and_nothing_is_released(tmp_path: Path) -> None:
    save_series(tmp_path / "in", Rows=512, Columns=512, PixelData=bytes(512 * 512 * 2))
    volume = tmp_path / "volume"

    with (
        mounted(volume, "-t", "tmpfs", "-o", "size=256k", "tmpfs"),
        pytest.raises(EnvironmentFault, match="no space left"),
    ):
        deidflow.anonymize(
            tmp_path / "in",
            tmp_path / "out",
            backup=volume / "copy",
            workers=1,
        )
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_not_taken_for_a_bad_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "large").write_bytes(bytes(1_000_000))
    volume = tmp_path / "volume"

    folders = (str(tmp_path / "in"), str(volume))
    with (
        mounted(volume, "-t", "tmpfs", "-o", "size=64k", "tmpfs"),
        pytest.raises(OSError, match="space") as caught,
    ):
        back_up_batch(folders, ["large"])
    assert caught.value.errno == errno.ENOSPC


def read(source: Path, **changes: bool) -> list[ReadFile]:
    return read_all(locate([source]), 1, LIMIT, **{"force": False, "signed": False, **changes})


def test_files_are_read_in_the_order_in_which_they_were_found(tmp_path: Path) -> None:
    save_series(tmp_path / "in", 4)
    (tmp_path / "in" / "notes.txt").write_text("x")

    rows = read(tmp_path / "in")
    paths = [row.entry.path for row in rows]
    assert paths == sorted(paths)
    assert rows[-1].entry.reason is Reason.NOT_DICOM
    assert [row.signature for row in rows] == [None] * 5


def test_slices_lie_along_the_normal_of_their_orientation(tmp_path: Path) -> None:
    sagittal = ["0", "1", "0", "0", "0", "-1"]
    for number, x in enumerate(("-12.5", "30")):
        header = mr_instance(
            SOPInstanceUID=f"1.2.3.{number}",
            ImageOrientationPatient=sagittal,
            ImagePositionPatient=[x, "0", "0"],
        )
        save(header, tmp_path / "in" / f"{number}.dcm")

    rows = read(tmp_path / "in")
    assert [row.position for row in rows] == [((-1.0, 0.0, 0.0), 12.5), ((-1.0, 0.0, 0.0), -30.0)]


@pytest.mark.parametrize(
    "changes",
    [
        {"ImagePositionPatient": None},
        {"ImageOrientationPatient": None},
        {"ImageOrientationPatient": ["1", "0", "0"]},
    ],
)
def test_an_image_without_a_position_sorts_last(tmp_path: Path, changes: dict[str, object]) -> None:
    save(mr_instance(**changes), tmp_path / "in" / "1.dcm")
    save(mr_instance(SOPInstanceUID="1.2.3.9"), tmp_path / "in" / "2.dcm")

    without, with_position = read(tmp_path / "in")
    assert without.position > with_position.position


def test_signatures_are_taken_on_request(tmp_path: Path) -> None:
    path = save(mr_instance(), tmp_path / "in" / "1.dcm")

    (row,) = read(tmp_path / "in", signed=True)
    assert row.signature == Signature.of(path)


def test_folders_that_are_not_read_have_rows_of_their_own(tmp_path: Path) -> None:
    located = Located(tmp_path, (), unreadable=("closed",), working=(".out.deidflow",))

    rows = read_all(located, 1, LIMIT, force=False, signed=False)
    assert [(row.entry.path, row.entry.reason) for row in rows] == [
        ("closed", Reason.UNREADABLE),
        (".out.deidflow", Reason.WORKING_FOLDER),
    ]


def test_only_files_that_share_a_uid_are_hashed(tmp_path: Path) -> None:
    content = save(mr_instance(), tmp_path / "in" / "1.dcm").read_bytes()
    (tmp_path / "in" / "2.dcm").write_bytes(content)
    save(mr_instance(SOPInstanceUID="1.2.3.9"), tmp_path / "in" / "3.dcm")

    rows = with_hashes(locate([tmp_path / "in"]), read(tmp_path / "in"))
    first, second, alone = [row.entry.sha256 for row in rows]
    assert first == second != ""
    assert alone == ""


def test_a_copy_that_vanished_before_it_was_hashed_has_failed(tmp_path: Path) -> None:
    content = save(mr_instance(), tmp_path / "in" / "1.dcm").read_bytes()
    (tmp_path / "in" / "2.dcm").write_bytes(content)
    rows = read(tmp_path / "in")
    (tmp_path / "in" / "2.dcm").unlink()

    first, second = with_hashes(locate([tmp_path / "in"]), rows)
    assert first.entry.instance is not None
    assert (second.entry.instance, second.entry.reason) == (None, Reason.UNREADABLE)
