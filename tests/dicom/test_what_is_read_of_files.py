"""Which attributes are read of a file, and what a reader says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.dicom.attributes import (
    IDENTIFIERS,
    NUMBER_KEYWORDS,
    TEXT_KEYWORDS,
    fact_columns,
    identifier_kinds,
    nested_identifiers,
    wanted_tags,
)
from deidflow.dicom.dictionary import keyword_tags, sequence_tags, sop_class_uids, tags_of
from deidflow.dicom.instance import Instance
from deidflow.dicom.inventory import Entry, Reader, read_file, read_files
from deidflow.dicom.source_walk import Found, walk
from deidflow.resources import load_yaml
from deidflow.verdicts import Reason
from tests.synthetic import mr_instance, save


def read_one(folder: Path, **changes: object) -> Entry:
    save(mr_instance(**changes), folder / "a.dcm")
    return read_file(folder, "a.dcm")


def in_any_order(entry: Entry) -> Instance:
    """The instance, with identifiers in the order of the alphabet."""
    assert entry.instance is not None
    return entry.instance._replace(identifiers=tuple(sorted(entry.instance.identifiers)))


# which attributes are read


def test_every_identifying_keyword_is_in_the_data_dictionary() -> None:
    keywords = load_yaml(IDENTIFIERS)

    assert len(identifier_kinds()) == len(keywords)
    for keyword, kind in keywords.items():
        assert identifier_kinds()[keyword_tags()[keyword]] == kind


def test_kinds_of_identifiers_are_those_that_are_searched() -> None:
    kinds = {"name", "staff", "id", "number", "contact", "text", "birth", "date"}

    assert set(identifier_kinds().values()) == kinds


def test_dates_are_not_looked_for_in_sequences() -> None:
    study_date, birth_date, name = tags_of(("StudyDate", "PatientBirthDate", "PatientName"))

    assert study_date not in nested_identifiers()
    assert {birth_date, name} <= nested_identifiers()
    assert nested_identifiers() < wanted_tags()


def test_fields_of_an_instance_are_in_the_order_of_the_attributes() -> None:
    keywords = (*TEXT_KEYWORDS, *NUMBER_KEYWORDS)

    assert Instance._fields[: len(keywords)] == keywords
    assert [column.place for column in fact_columns().values()] == list(range(len(keywords)))


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(KeyError):
        tags_of(["PatientsName"])


def test_what_the_data_dictionary_says_of_known_attributes() -> None:
    assert tags_of(["PatientName"]) == [0x00100010]
    assert 0x00400275 in sequence_tags()
    assert 0x00100010 not in sequence_tags()
    assert sop_class_uids()["MRImageStorage"] == "1.2.840.10008.5.1.4.1.1.4"


# reading


def test_a_child_process_reads_files_as_this_one(tmp_path: Path) -> None:
    save(mr_instance(), tmp_path / "a.dcm")
    (tmp_path / "b.txt").write_text("no image")
    entries = list(read_files(str(tmp_path), ["a.dcm", "b.txt", "gone"]))

    assert entries[0] == read_file(tmp_path, "a.dcm")
    assert [entry.reason for entry in entries[1:]] == [Reason.NOT_DICOM, Reason.UNREADABLE]


def test_a_reader_without_hashes_says_the_same_of_the_header(tmp_path: Path) -> None:
    hashed = read_one(tmp_path)
    entry = Reader(tmp_path, hashed=False).read("a.dcm")

    assert len(hashed.sha256) == 64
    assert entry == hashed._replace(sha256="")


@pytest.mark.parametrize("start", [128 + 4, 0])
def test_files_without_the_mark_are_read_on_request(tmp_path: Path, start: int) -> None:
    content = save(mr_instance(), tmp_path / "marked.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(content[start:])
    plain = Reader(tmp_path).read("a.dcm")
    asked = Reader(tmp_path, unmarked=True).read("a.dcm")

    assert (plain.reason is Reason.NO_MARK) is (start > 0)
    marked = read_file(tmp_path, "marked.dcm")
    assert in_any_order(asked) == in_any_order(marked)


@pytest.mark.parametrize("frames", [b"\xb2 ", b"9" * 5000])
def test_a_number_of_frames_that_is_none_does_not_stop_the_inventory(
    tmp_path: Path, frames: bytes
) -> None:
    """A superscript two is a digit for Python, but not a number; so are too many digits."""
    content = save(mr_instance(NumberOfFrames=1), tmp_path / "a.dcm").read_bytes()
    head = b"\x28\0\x08\0IS"
    assert head + b"\2\0001 " in content
    length = len(frames).to_bytes(2, "little")
    (tmp_path / "a.dcm").write_bytes(content.replace(head + b"\2\0001 ", head + length + frames))

    entry = read_file(tmp_path, "a.dcm")
    assert entry.reason is (Reason.TOO_LARGE if len(frames) > 2 else None)


def test_the_signature_of_a_file_changes_with_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    (before,) = walk(tmp_path)
    (tmp_path / "a").write_text("three")
    (after,) = walk(tmp_path)

    assert isinstance(before, Found)
    assert isinstance(after, Found)
    assert before.signature != after.signature


def test_staging_folders_are_named_and_not_entered(tmp_path: Path) -> None:
    save(mr_instance(), tmp_path / ".out.deidflow" / "a.dcm")
    save(mr_instance(), tmp_path / "b" / "a.dcm")
    entries = {entry.path: entry for entry in walk(tmp_path)}

    assert set(entries) == {"b/a.dcm", ".out.deidflow"}
    assert entries[".out.deidflow"].reason is Reason.WORKING_FOLDER  # type: ignore[union-attr]


def test_files_come_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("b/2", "a/1", "c", "a/0", "b/10"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")

    assert [found.path for found in walk(tmp_path)] == ["c", "a/0", "a/1", "b/10", "b/2"]
