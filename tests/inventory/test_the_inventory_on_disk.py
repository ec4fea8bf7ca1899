"""A listing of files: read once, remembered by the vault, grouped piece by piece."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deidflow.consent.admission import Admission
from deidflow.dicom.grouping import Subject, group
from deidflow.dicom.inventory import Entry, failed, read_file, read_files
from deidflow.dicom.majorities import Decision
from deidflow.dicom.manifest import Manifest, ManifestEntry
from deidflow.dicom.patients import Discovery
from deidflow.identity.secret import Keys
from deidflow.identity.withdrawn import WithdrawnPatients
from deidflow.inventory import packed
from deidflow.inventory.components import components
from deidflow.inventory.database import KNOWN_NAME, path_of, stored_path
from deidflow.inventory.known import forget_known, known_patients
from deidflow.inventory.listing import Listing
from deidflow.inventory.packed import Packer, shared_facts, unpack
from deidflow.inventory.reading import read_chunks
from deidflow.run.source_inventory import InventoryTaker
from deidflow.store.children import Children
from deidflow.verdicts import Reason, Verdict
from tests.headers import inventory
from tests.synthetic import mr_instance, save, save_series

COPY = {"SOPInstanceUID": "1.7.7"}


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    made = Children(2 << 30)
    yield made
    made.stop()


@pytest.fixture
def taker(children: Children, tmp_path: Path) -> InventoryTaker:
    (tmp_path / "vault").mkdir()
    nobody = Admission(WithdrawnPatients(frozenset(), Keys(b"k" * 32, "default", "low")))
    return InventoryTaker(
        children,
        tmp_path / "vault" / "log",
        tmp_path / "vault",
        tmp_path / "vault" / "archives",
        nobody,
        known=tmp_path / "vault",
    )


def entries(taker: InventoryTaker, source: Path) -> list[Entry]:
    with closing(taker.source(source, ())[0]) as listing:
        return list(listing.entries())


def again(entry: Entry) -> Entry:
    row, header = Packer().pack(entry)
    return unpack(row, shared_facts(header.text) if header else None)


# entries as rows


def test_an_instance_comes_back_with_every_field(tmp_path: Path) -> None:
    header = mr_instance(PatientName="Łukasz^Ärger", SpecificCharacterSet="ISO_IR 192")
    save(header, tmp_path / "a.dcm")
    entry = read_file(tmp_path, "a.dcm")

    assert entry.instance is not None
    assert again(entry) == entry
    hash(again(entry).instance)


@pytest.mark.parametrize(
    "entry",
    [
        failed("a/b.dcm", Reason.UNREADABLE),
        failed("empty", Reason.EMPTY_FILE, Verdict.SKIPPED),
        Entry("cut", "ab" * 32, Verdict.QUARANTINED, Reason.TRUNCATED, None),
        Entry("DICOMDIR", "cd" * 32, Verdict.SKIPPED, Reason.DICOMDIR, None, ("IM1", "IM2")),
    ],
)
def test_a_file_without_instance_comes_back(entry: Entry) -> None:
    assert again(entry) == entry
    assert isinstance(again(entry).reason, Reason)


def test_what_a_series_has_in_common_is_sent_once(tmp_path: Path) -> None:
    save_series(tmp_path / "a", count=5)
    names = sorted(f"a/{path.name}" for path in (tmp_path / "a").iterdir())
    chunks = list(read_chunks(str(tmp_path), names, 2, True))

    assert [len(chunk.rows) for chunk in chunks] == [2, 2, 1]
    assert [len(chunk.headers) for chunk in chunks] == [1, 0, 0]


@pytest.mark.parametrize("name", [b"a/\xfc.dcm", "a/ü.dcm".encode(), b"%_'.dcm"])
def test_names_of_files_may_be_any_bytes(name: bytes) -> None:
    path = os.fsdecode(name)
    assert path_of(stored_path(path)) == path


def test_paths_are_in_the_order_of_python() -> None:
    names = ["a", "\ud7ff", os.fsdecode(b"\xfc"), "\ue000", "\U0001f600"]
    assert sorted(names, key=stored_path) == sorted(names)


# what is read again


def test_a_file_is_read_once_and_again_when_it_was_touched(
    taker: InventoryTaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    save_series(source / "a", count=3)
    (source / "readme.txt").write_text("no image")
    names = sorted(str(path.relative_to(source)) for path in source.rglob("*.*"))
    whole = list(read_files(str(source), names))
    assert entries(taker, source) == whole

    # What is remembered is changed, to see what of it is taken.
    database = sqlite3.connect(tmp_path / "vault" / KNOWN_NAME)
    with closing(database), database:
        database.execute("UPDATE files SET sha256 = ?", ("0" * 64,))
    assert {entry.sha256 for entry in entries(taker, source)} == {"0" * 64}
    (source / "readme.txt").write_text("still no image")
    assert [entry.sha256 == "0" * 64 for entry in entries(taker, source)] == [True] * 3 + [False]

    monkeypatch.setattr(packed, "IDENTIFIERS", "standard/body_parts.yaml")
    packed.reader_version.cache_clear()
    assert "0" * 64 not in {entry.sha256 for entry in entries(taker, source)}
    packed.reader_version.cache_clear()


def test_what_is_gone_is_forgotten_and_a_folder_of_the_source_is_known(
    taker: InventoryTaker, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    save_series(source / "a", count=2)
    save_series(source / "ab", count=1, **COPY)
    entries(taker, source)
    (source / "a" / "slice_1.dcm").unlink(missing_ok=True)
    for path in sorted((source / "a").iterdir())[:1]:
        path.unlink()
    entries(taker, source / "a")

    known = [path for path, _ in known_patients(tmp_path / "vault")]
    assert known == sorted(path for path in source.rglob("*.dcm"))


def test_a_person_can_be_forgotten(taker: InventoryTaker, tmp_path: Path) -> None:
    source = tmp_path / "source"
    save(mr_instance(PatientName="Quendolin^Vera"), source / "a.dcm")
    entries(taker, source)
    vault = tmp_path / "vault"
    ((path, patient),) = known_patients(vault)
    assert patient is not None
    assert patient[0].name == "Quendolin^Vera"

    forget_known(vault, [path])
    assert list(known_patients(vault)) == []
    left = b"".join(file.read_bytes() for file in vault.iterdir() if file.is_file())
    assert b"Quendolin" not in left


def test_all_of_it_is_private(taker: InventoryTaker, tmp_path: Path) -> None:
    save_series(tmp_path / "source", count=1)
    listing, _ = taker.source(tmp_path / "source", ())
    files = [path for path in (tmp_path / "vault").iterdir() if path.is_file()]
    assert {"inventory.sqlite", "listing.sqlite"} <= {path.name for path in files}
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    listing.close()
    assert not listing.path.exists()


# grouping by pieces


def by_pieces(
    folder: Path, found: list[Entry], discovery: Discovery, manifest: Manifest
) -> tuple[dict[str, Subject | None], dict[str, Decision], int]:
    with closing(Listing(folder / "listing.sqlite")) as listing:
        listing.add(found)
        keys: list[str] = []
        parts = list(components(listing, discovery, manifest))
        for numbers in parts:
            rows = listing.numbered(listing.stored(numbers))
            cohort = group(
                (row.entry for row in rows),
                defacing=False,
                discovery=discovery,
                manifest=manifest,
            )
            keys += [subject.key for subject in cohort.subjects]
            numbers_of = {row.entry.path: row.number for row in rows}
            listing.subjects.keep(cohort.subjects)
            listing.decide(
                (numbers_of[path], decision, cohort.owners[path])
                for path, decision in cohort.verdicts.items()
            )
        decided = {file.path: (file.verdict, file.reason) for file in listing.decided()}
        return {key: listing.subjects.subject(key) for key in keys}, decided, len(parts)


def messy(folder: Path) -> list[Entry]:
    """Whatever ties files of different folders to each other."""
    save_series(folder / "p1", count=2)
    save_series(folder / "p2", count=2, PatientID="X-2", StudyInstanceUID="1.9")
    other = {"PatientID": "X-3", "StudyInstanceUID": "1.10", "SeriesInstanceUID": "1.10.1"}
    save(mr_instance(**other, SOPInstanceUID="1.10.1.1"), folder / "p3" / "a.dcm")
    save(mr_instance(**other, SOPInstanceUID="1.10.1.1"), folder / "p4" / "copy.dcm")
    stranger = other | {"PatientName": "Smith^Bob", "PatientBirthDate": "19990101"}
    save(mr_instance(**stranger, SOPInstanceUID="1.10.1.9"), folder / "p4" / "b.dcm")
    edited = {"PatientID": "X-4", "StudyInstanceUID": "1.11", "SeriesInstanceUID": "1.11.1"}
    save(mr_instance(**edited, SOPInstanceUID="1.10.1.1"), folder / "p5" / "a.dcm")
    for number, study in enumerate(("1.12", "1.13", "1.13")):
        nameless = {"PatientID": "", "PatientName": f"N{number % 2}", "StudyInstanceUID": study}
        uids = {"SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"1.12.{number}"}
        save(mr_instance(**nameless, **uids), folder / f"n{number}" / "a.dcm")
    save(mr_instance(SOPInstanceUID="1.8.8", PatientID="X-9"), folder / "top.dcm")
    (folder / "p1" / "notes.txt").write_text("no image")
    return inventory(folder)


@pytest.mark.parametrize("discovery", ["all", "per_top_folder", "one_per_study"])
@pytest.mark.parametrize("named", [(), ("p1", "n0", "p5/a.dcm")])
def test_pieces_give_what_the_whole_gives(
    tmp_path: Path, discovery: Discovery, named: tuple[str, ...]
) -> None:
    found = messy(tmp_path / "source")
    manifest = Manifest.of(ManifestEntry(path, subject="A") for path in named)
    whole = group(found, defacing=False, discovery=discovery, manifest=manifest)
    subjects, verdicts, parts = by_pieces(tmp_path, found, discovery, manifest)

    assert parts > 2 or named
    assert verdicts == whole.verdicts
    assert subjects == {subject.key: subject for subject in whole.subjects}
