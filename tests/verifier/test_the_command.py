"""`deidflow verify` on the command line: exit codes, JSON, Excel, withdrawal."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from deidflow.cli.verify import verify as command
from deidflow.errors import UsageError
from deidflow.release.changes import note_versions
from deidflow.release.layout import Layout
from deidflow.release.tables import TOP_FILES
from deidflow.store.files import Manifest
from tests.verifier.conftest import MASKED, WHOLE, MiniRelease


def test_a_clean_release_ends_with_0(low: MiniRelease, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(low.release) == 0

    printed = capsys.readouterr()
    assert "2 of 2 subjects PASS" in printed.out
    assert "clean" in printed.out
    assert "nothing was compared with the source" in printed.err


def test_a_finding_ends_with_6_and_names_file_and_attribute(
    low: MiniRelease, capsys: pytest.CaptureFixture[str]
) -> None:
    low.change(lambda header: setattr(header, "PatientBirthDate", "19600412"))

    assert command(low.release, json_=True) == 6

    printed = capsys.readouterr().out
    rows = json.loads(printed)["findings"]
    assert {row["file"] for row in rows} == {f"P001/M00/{WHOLE}/dicom/slice_001.dcm"}
    assert {row["attribute"] for row in rows} == {"PatientBirthDate", "header"}
    assert "19600412" not in printed


def test_brackets_in_names_do_not_confuse_the_table(
    low: MiniRelease, capsys: pytest.CaptureFixture[str]
) -> None:
    (low.release / "P001" / "[red]x.txt").write_text("x")
    low.seal()

    assert command(low.release) == 6
    assert "[red]x.txt" in capsys.readouterr().out


def test_usage(low: MiniRelease, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    with pytest.raises(UsageError, match="not a folder"):
        command(tmp_path / "missing")
    with pytest.raises(UsageError, match="belong together"):
        command(low.release, vault=low.vault)
    with pytest.raises(UsageError, match="needs --vault"):
        command(low.release, withdraw=True)
    with pytest.raises(UsageError, match="not in the release"):
        command(low.release, subjects=("P009",))
    with pytest.raises(UsageError, match="no image"):
        command(empty)
    with pytest.raises(UsageError, match="knows nothing"):
        command(low.release, vault=empty, source=low.source)


# Excel


def test_a_workbook_with_a_sheet_per_file(high: MiniRelease, tmp_path: Path) -> None:
    high.change(
        lambda header: setattr(header, "PatientBirthDate", "19600412"),
        high.instance("P001", MASKED),
    )
    path = tmp_path / "review.xlsx"

    assert command(high.release, xlsx=path) == 6

    book = openpyxl.load_workbook(path)
    summary, detail = book["Summary"], book["file 1"]
    assert book.sheetnames[0] == "Summary"
    assert len(book.sheetnames) == 2 + 12
    assert (summary.freeze_panes, summary.auto_filter.ref) == ("B2", "A1:I13")
    assert [cell.value for cell in summary["I"]][:3] == ["result", "FAIL", "PASS"]
    first_row = [cell.value for cell in detail[2]][:5]
    assert first_row == ["PatientBirthDate", "date, 8 characters", "remove", "yes", "FAIL"]
    assert "19600412" not in str([[cell.value for cell in row] for row in detail.rows])


def test_a_workbook_with_a_row_per_file(
    low: MiniRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deidflow.verifier.workbook.MOST_SHEETS", 5)
    path = tmp_path / "review.xlsx"

    command(low.release, xlsx=path)

    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Summary", "Findings", "Failed fields"]


def test_the_workbook_has_no_clock(low: MiniRelease, tmp_path: Path) -> None:
    paths = [tmp_path / "one.xlsx", tmp_path / "two.xlsx"]

    for path in paths:
        command(low.release, xlsx=path)

    assert paths[0].read_bytes() == paths[1].read_bytes()


# withdrawal


def test_a_session_with_a_finding_is_withdrawn(
    low: MiniRelease, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(low.release, low.vault, "default", "low")
    low.change(lambda header: setattr(header, "PatientAddress", "Hauptstr. 12"))
    withdraw = {"vault": low.vault, "source": low.source, "withdraw": True}

    assert command(low.release, **withdraw) == 6  # type: ignore[arg-type]

    assert "withdrawn: P001/M00" in capsys.readouterr().out
    assert layout.published_sessions() == [("P002", "M00")]
    assert (layout.staging / "withdrawn" / "P001" / "M00" / "session.json").exists()
    subjects = (low.release / "subjects.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in subjects] == ["subject", "P002"]
    assert {path.name for path in low.release.iterdir()} == {*TOP_FILES, "manifest.sha256", "P002"}
    assert low.found() == set()


def test_what_was_withdrawn_is_told_and_missed_by_nobody(low: MiniRelease) -> None:
    layout = Layout(low.release, low.vault, "default", "low")
    published = [("P001", "M00"), ("P002", "M00")]
    note_versions(layout, {name: Manifest.scan(layout.published(*name)) for name in published})
    low.change(lambda header: setattr(header, "PatientAddress", "Hauptstr. 12"))
    command(low.release, vault=low.vault, source=low.source, withdraw=True)

    changes = (low.release / "changes.tsv").read_text().splitlines()

    assert changes[1:] == [f"P001\tM00\t2\t{WHOLE}\tremoved"]
    assert command(low.release, vault=low.vault, source=low.source) == 0


def test_a_clean_release_loses_nothing_by_withdrawal(low: MiniRelease) -> None:
    before = sorted(path.name for path in low.release.rglob("*"))

    assert command(low.release, vault=low.vault, source=low.source, withdraw=True) == 0

    assert sorted(path.name for path in low.release.rglob("*")) == before
