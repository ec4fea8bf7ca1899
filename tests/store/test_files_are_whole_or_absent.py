"""Files appear whole or not at all, and a manifest notices every change of content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deidflow.store.files import (
    Manifest,
    Signature,
    digest_of,
    names_below,
    read_json,
    remove_tree,
    safe_cell,
    sha256_of,
    write_bytes_atomic,
    write_json_atomic,
)
from deidflow.store.tables import csv_text, write_csv


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """The outputs of a step: two files, one of them in a subfolder."""
    folder = tmp_path / "outputs"
    (folder / "003-MR").mkdir(parents=True)
    (folder / "session.json").write_text("{}")
    (folder / "003-MR" / "slice_001.dcm").write_bytes(b"pixels")
    return folder


def test_the_hash_is_that_of_sha256sum(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")

    digest = sha256_of(file)
    assert digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_order_of_keys_does_not_change_a_digest() -> None:
    first = digest_of({"a": 1, "b": [1, 2]})
    second = digest_of({"b": [1, 2], "a": 1})
    other = digest_of({"a": 1, "b": [2, 1]})

    assert first == second
    assert first != other


def test_a_signature_counts_like_a_list_in_a_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    signature = Signature.of(tmp_path / "a")

    assert digest_of(signature) == digest_of(list(signature))


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_written_file_has_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        write_bytes_atomic(tmp_path / "new" / "file", b"content", mode)
    finally:
        os.umask(before)

    file = tmp_path / "new" / "file"
    assert file.read_bytes() == b"content"
    assert file.stat().st_mode & 0o777 == mode


def test_writing_again_replaces_and_leaves_no_part(tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "row.json", {"b": 1, "a": 2})
    write_json_atomic(tmp_path / "row.json", {"a": 3})

    assert read_json(tmp_path / "row.json") == {"a": 3}
    assert names_below(tmp_path) == ["row.json"]


@pytest.mark.parametrize("content", [None, b"", b'{"key": ', b"\xff"])
def test_a_missing_or_cut_json_file_is_none(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "record.json"
    if content is not None:
        file.write_bytes(content)

    assert read_json(file) is None


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_evaluate_is_quoted(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "scan 1", "a=b", "'quoted", "ä+b"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text


def test_a_link_to_a_folder_is_removed_without_the_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "folder")

    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "never there")
    assert names_below(tmp_path) == ["folder/file"]

    remove_tree(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_a_signature_is_that_of_the_link_not_of_its_target(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("a longer text")
    (tmp_path / "link").symlink_to("target")

    link = Signature.of(tmp_path / "link")
    target = Signature.of(tmp_path / "target")
    assert link.inode != target.inode
    assert link.size == len("target")


def test_a_file_that_is_gone_has_no_signature(tmp_path: Path) -> None:
    assert Signature.if_readable(tmp_path / "gone") is None

    with pytest.raises(FileNotFoundError):
        Signature.of(tmp_path / "gone")


def test_a_manifest_comes_back_from_json(outputs: Path) -> None:
    manifest = Manifest.scan(outputs)
    rows = manifest.to_json()

    assert [row["path"] for row in rows] == ["003-MR/slice_001.dcm", "session.json"]
    assert set(rows[0]["signature"]) == {"size", "mtime_ns", "ctime_ns", "inode"}
    assert Manifest.from_json(rows) == manifest


def test_times_and_folders_do_not_change_the_digest_of_a_manifest(
    outputs: Path, tmp_path: Path
) -> None:
    before = Manifest.scan(outputs).digest
    os.utime(outputs / "session.json", ns=(1, 1))
    outputs.rename(tmp_path / "elsewhere")

    after = Manifest.scan(tmp_path / "elsewhere").digest
    assert before == after


def test_a_byte_more_in_any_file_is_noticed(outputs: Path) -> None:
    manifest = Manifest.scan(outputs)
    with (outputs / "session.json").open("a") as stream:
        stream.write(" ")

    assert not manifest.intact(outputs)
    assert not manifest.intact(outputs.parent)


def test_only_a_strict_check_notices_a_change_behind_an_equal_signature(outputs: Path) -> None:
    file = outputs / "session.json"
    manifest = Manifest.scan(outputs)
    file.write_text("[]")
    changed = Manifest.scan(outputs).outputs[1]
    rows = manifest.to_json()
    rows[1]["signature"] = changed.signature._asdict()

    deceived = Manifest.from_json(rows)
    assert deceived.intact(outputs)
    assert not deceived.intact(outputs, strict=True)


def test_a_folder_that_is_missing_has_no_files(tmp_path: Path) -> None:
    assert names_below(tmp_path / "missing") == []
    assert Manifest.scan(tmp_path / "missing").outputs == ()


def test_a_table_keeps_commas_quotes_and_lines_in_their_cells() -> None:
    text = csv_text([("path", "count"), ('a, "b"\nc', 3)])

    assert text == 'path,count\n"a, ""b""\nc",3\n'


def test_a_table_keeps_the_bytes_of_paths_that_are_not_utf8(tmp_path: Path) -> None:
    path = os.fsdecode(b"\xff\xfe.dcm")
    write_csv(tmp_path / "table.csv", [("path",), (path,)])

    assert (tmp_path / "table.csv").read_bytes() == b"path\n\xff\xfe.dcm\n"
    assert (tmp_path / "table.csv").stat().st_mode & 0o777 == 0o600
