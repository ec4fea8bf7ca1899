"""changes.tsv names each series that changed; the vault's table keeps rows of earlier calls."""

from __future__ import annotations

import csv
from pathlib import Path

from deidflow.release.changes import note_versions
from deidflow.release.instances import InstanceRow, write_instances
from deidflow.release.layout import Layout
from deidflow.release.publish import keep_withdrawn, withdraw
from deidflow.store.files import Manifest
from tests.release.conftest import publish_session


def changes(layout: Layout) -> list[str]:
    lines = (layout.release / "changes.tsv").read_text().splitlines()
    assert lines[0] == "subject\tsession\tversion\tseries\tchange"
    return lines[1:]


def test_the_first_version_is_not_a_change(layout: Layout) -> None:
    folder = publish_session(layout, "P001", "M00", {"001-MR": "defaced"})

    note_versions(layout, {("P001", "M00"): Manifest.scan(folder)})
    note_versions(layout, {("P001", "M00"): Manifest.scan(folder)})
    assert changes(layout) == []


def test_series_are_added_changed_and_removed(layout: Layout) -> None:
    folder = publish_session(layout, "P001", "M00", {"001-MR": "defaced", "002-MR": "defaced"})
    session = ("P001", "M00")
    note_versions(layout, {session: Manifest.scan(folder)})

    (folder / "001-MR" / "slice_001.dcm").write_text("another mask")
    (folder / "003-CT").mkdir()
    (folder / "003-CT" / "slice_001.dcm").touch()
    note_versions(layout, {session: Manifest.scan(folder)})
    (folder / "002-MR" / "slice_001.dcm").unlink()
    note_versions(layout, {session: Manifest.scan(folder)})

    assert changes(layout) == [
        "P001\tM00\t2\t001-MR\tchanged",
        "P001\tM00\t2\t003-CT\tadded",
        "P001\tM00\t3\t002-MR\tremoved",
    ]


def test_only_series_count_not_the_session_s_own_files(layout: Layout) -> None:
    folder = publish_session(layout, "P001", "M00", {"001-MR": "defaced"})
    note_versions(layout, {("P001", "M00"): Manifest.scan(folder)})

    (folder / "session.json").write_text('{"series": [], "version": "next"}')
    note_versions(layout, {("P001", "M00"): Manifest.scan(folder)})
    assert changes(layout) == []


def test_a_withdrawn_session_is_removed_and_may_come_back(layout: Layout) -> None:
    folder = publish_session(layout, "P001", "M00", {"001-MR": "defaced"})
    manifest = Manifest.scan(folder)
    note_versions(layout, {("P001", "M00"): manifest})
    note_versions(layout, {})
    note_versions(layout, {})
    note_versions(layout, {("P001", "M00"): manifest})

    assert changes(layout) == [
        "P001\tM00\t2\t001-MR\tremoved",
        "P001\tM00\t3\t001-MR\tadded",
    ]


def test_withdrawing_the_last_session_removes_the_subject(layout: Layout) -> None:
    first = publish_session(layout, "P001", "M00", {"001-MR": "defaced"})
    second = publish_session(layout, "P001", "M06", {"001-MR": "defaced"})

    withdraw(first, layout.staging)
    assert layout.published_sessions() == [("P001", "M06")]
    withdraw(second, layout.staging)
    assert not (layout.release / "P001").exists()

    kept = layout.staging / "withdrawn" / "P001"
    assert sorted(path.name for path in kept.iterdir()) == ["M00", "M06"]
    assert kept.stat().st_mode & 0o077 == 0


def test_withdrawn_sessions_move_to_the_vault_over_older_ones(layout: Layout) -> None:
    for content in ("first", "second"):
        folder = publish_session(layout, "P001", "M00")
        (folder / "session.json").write_text(content)
        withdraw(folder, layout.staging)
        keep_withdrawn(layout.staging, layout.withdrawn)

    kept = layout.withdrawn / "P001" / "M00" / "session.json"
    assert kept.read_text() == "second"
    keep_withdrawn(layout.staging, layout.withdrawn)
    assert kept.read_text() == "second"


def row(source: str, released: str, verdict: str = "released") -> InstanceRow:
    return InstanceRow(source_path=source, released_path=released, verdict=verdict)


def sources(table: Path) -> list[str]:
    with table.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return [cells["source_path"] for cells in csv.DictReader(stream)]


def test_rows_of_files_that_are_still_released_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    table = tmp_path / "instances" / "table.csv"
    (out / "1.dcm").touch()
    write_instances(table, [row("/in/1", "1.dcm"), row("/in/2", "2.dcm"), row("/in/x", "")], out)

    write_instances(table, [row("/in/3", "3.dcm")], out)
    assert sources(table) == ["/in/3", "/in/1"]


def test_a_new_row_replaces_that_of_the_same_released_file(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    (tmp_path / "1.dcm").touch()
    write_instances(table, [row("/old/1", "1.dcm")], tmp_path)

    write_instances(table, [row("/new/1", "1.dcm")], tmp_path)
    assert sources(table) == ["/new/1"]


def test_a_quoted_path_is_quoted_once_however_often_it_is_kept(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    (tmp_path / "1.dcm").touch()
    write_instances(table, [row("=1+1/\udcff", "1.dcm")], tmp_path)
    for _ in range(2):
        write_instances(table, [], tmp_path)

    assert sources(table) == ["'=1+1/\udcff"]


def test_a_table_with_other_columns_is_not_taken_over(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    (tmp_path / "1.dcm").touch()
    table.write_text("source,released_path\n/in/1,1.dcm\n")

    write_instances(table, [row("/in/2", "2.dcm")], tmp_path)
    assert sources(table) == ["/in/2"]
