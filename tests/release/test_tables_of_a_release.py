"""The files at the top of a release and the vault's tables say what is there, and nothing else."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import pytest

from deidflow.errors import UsageError, VaultMismatch
from deidflow.header.load_profile import load_profile
from deidflow.release.dataset import write_dataset
from deidflow.release.layout import Layout
from deidflow.release.tables import (
    TOP_FILES,
    FileRow,
    check_place,
    check_release,
    quarantine_lines,
    quarantine_table,
    write_checksums,
    write_doubtful,
    write_lines,
    write_subjects,
)
from deidflow.store.files import Manifest, read_json, write_json_atomic
from tests.release.conftest import publish_session


def test_subjects_count_sessions_series_and_what_is_withheld(layout: Layout) -> None:
    states = {"001-MR": "defaced", "002-MR": "quarantined", "003-MR": "not a head"}
    publish_session(layout, "P002", "M00", states)
    publish_session(layout, "P001", "M00", {"001-MR": "defaced"})
    publish_session(layout, "P001", "M06", {"001-MR": "quarantined"})
    publish_session(layout, "P003", "M00")
    (layout.published("P003", "M00") / "session.json").unlink()

    write_subjects(layout)
    lines = (layout.release / "subjects.tsv").read_text().splitlines()
    assert lines == [
        "subject\tsessions\tseries\tseries_withheld\tinstances",
        "P001\t2\t1\t1\t1",
        "P002\t1\t2\t1\t2",
        "P003\t1\t0\t0\t0",
    ]


def test_an_empty_release_has_an_empty_table(layout: Layout) -> None:
    layout.release.mkdir()

    write_subjects(layout)
    table = layout.release / "subjects.tsv"
    assert len(table.read_text().splitlines()) == 1
    assert table.stat().st_mode & 0o777 == 0o644


def test_checksums_are_those_of_sha256sum(layout: Layout) -> None:
    manifests = {}
    for label in ("M00", "M06"):
        folder = publish_session(layout, "P001", label, {"001-MR": "defaced"})
        manifests["P001", label] = Manifest.scan(folder)
    for name in TOP_FILES:
        (layout.release / name).write_text(name)

    write_checksums(layout, manifests)
    command = ["sha256sum", "--check", "--strict", "manifest.sha256"]
    result = subprocess.run(command, cwd=layout.release, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == len(TOP_FILES) + 4


def test_a_changed_slice_fails_the_checksums(layout: Layout) -> None:
    folder = publish_session(layout, "P001", "M00", {"001-MR": "defaced"})
    manifest = Manifest.scan(folder)
    for name in TOP_FILES:
        (layout.release / name).touch()
    write_checksums(layout, {("P001", "M00"): manifest})

    (folder / "001-MR" / "slice_001.dcm").write_text("other pixels")
    command = ["sha256sum", "--check", "--quiet", "manifest.sha256"]
    result = subprocess.run(command, cwd=layout.release, capture_output=True, text=True)
    assert "P001/M00/001-MR/slice_001.dcm" in result.stdout


def test_the_quarantine_table_has_paths_and_reasons(tmp_path: Path) -> None:
    row = FileRow(
        path="=cmd|calc/1.dcm",
        pseudonym="P001",
        session="M00",
        series="003-MR",
        verdict="quarantined",
        step="verify",
        reason="leak-found",
        words="the check found an identifier, in the staged files",
    )
    with quarantine_table(tmp_path / "report.csv") as table:
        table.write(quarantine_lines([row]))

    with (tmp_path / "report.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows == [
        {
            "source_path": "'=cmd|calc/1.dcm",
            "pseudonym": "P001",
            "session": "M00",
            "series": "003-MR",
            "verdict": "quarantined",
            "step": "verify",
            "reason": "leak-found",
            "words": "the check found an identifier, in the staged files",
        }
    ]


def test_doubtful_values_are_counted_not_shown(tmp_path: Path) -> None:
    rows = [("P001", "M00", "StationName", 2), ("P002", "M06", "@odd", 1)]
    write_doubtful(tmp_path / "doubtful.csv", rows)

    assert (tmp_path / "doubtful.csv").read_text().splitlines() == [
        "pseudonym,session,attribute,words",
        "P001,M00,StationName,2",
        "P002,M06,'@odd,1",
    ]


def test_no_lines_no_file(tmp_path: Path) -> None:
    path = tmp_path / "absent.txt"
    write_lines(path, ["IMAGES/1", "IMAGES/\udcff"])
    assert path.read_bytes() == b"IMAGES/1\nIMAGES/\xff\n"

    write_lines(path, [])
    write_lines(path, [])
    assert not path.exists()


def test_a_folder_of_somebody_else_is_refused(layout: Layout) -> None:
    check_place(layout)
    layout.release.mkdir()
    (layout.release / "lost+found").mkdir()
    check_place(layout)

    (layout.release / "thesis.txt").touch()
    with pytest.raises(UsageError, match="no release"):
        check_place(layout)
    (layout.release / "dataset.json").touch()
    check_place(layout)


def test_a_file_is_no_release(layout: Layout) -> None:
    layout.release.touch()

    with pytest.raises(UsageError, match="name a folder"):
        check_place(layout)


def test_a_release_belongs_to_one_vault_project_and_level(layout: Layout) -> None:
    check_release(layout, "mine")
    write_json_atomic(layout.release / "dataset.json", {"release_id": "mine"})
    check_release(layout, "mine")

    with pytest.raises(VaultMismatch, match="another vault"):
        check_release(layout, "yours")


def test_the_description_is_the_same_at_any_time(layout: Layout) -> None:
    profile = load_profile("high")
    contents = []
    for _ in range(2):
        write_dataset(layout, profile, "id", {"dcm2niix": "1.0"}, defaced=True)
        contents.append((layout.release / "dataset.json").read_bytes())

    assert contents[0] == contents[1]
    description = read_json(layout.release / "dataset.json")
    assert description["faces"] == "removed"
    assert description["profile"]["name"] == "high"
    assert "notes" not in description


def test_notes_say_what_settings_let_out(layout: Layout) -> None:
    notes = ["keep_uids: UIDs stay as they are"]
    write_dataset(layout, load_profile("low"), "id", {}, defaced=False, notes=notes)

    description = read_json(layout.release / "dataset.json")
    assert description["notes"] == notes
    assert description["faces"] == "kept"
