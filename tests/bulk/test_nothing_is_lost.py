"""`deidflow anonymize` loses no file silently, whatever the layout and the output before."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pydicom
import pytest

import deidflow
from deidflow.bulk.pending import PendingUnits
from deidflow.errors import ConfigError, UsageError
from tests.commands import command_here
from tests.places import tree_digest
from tests.synthetic import save_series


def two_studies(root: Path) -> Path:
    """One patient, two studies, in folders of their own, and a second patient."""
    save_series(root / "a" / "s1")
    save_series(
        root / "a" / "s2",
        StudyInstanceUID="1.2.3.9",
        SeriesInstanceUID="1.2.3.9.1",
        StudyDate="20221111",
    )
    other = {
        "PatientID": "OTHER-5",
        "PatientName": "Unterberger^Max",
        "StudyInstanceUID": "1.2.9.9",
    }
    save_series(root / "b", SeriesInstanceUID="1.2.9.9.1", **other)
    return root


def images(out: Path) -> list[Path]:
    return sorted(out.rglob("*.dcm"))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_mirror_holds_all_studies_of_a_subject(tmp_path: Path, workers: int) -> None:
    source, out, vault = two_studies(tmp_path / "in"), tmp_path / "out", tmp_path / "vault"
    result = deidflow.anonymize(source, out, vault=vault, layout="mirror", workers=workers)
    assert (result.verdicts["released"], len(images(out)), result.exit_code) == (9, 9, 0)
    before = tree_digest(out)
    for _ in range(2):
        again = deidflow.anonymize(
            source, out, vault=vault, layout="mirror", on_exists="resume", workers=workers
        )
        assert (again.reused, tree_digest(out)) == (9, before)


def test_a_layout_that_cannot_tell_series_apart_is_refused(tmp_path: Path) -> None:
    source, out = two_studies(tmp_path / "in"), tmp_path / "out"
    for dry_run in (True, False):
        with pytest.raises(
            UsageError, match=r"the place of another; use \{subject\}/\{timepoint\}"
        ):
            deidflow.anonymize(source, out, layout="{subject}/{series}", dry_run=dry_run)
    for layout in ("{subject:.1}/{timepoint}/{series}", "{subject}/{series!r}"):
        with pytest.raises(ConfigError, match="as they are"):
            deidflow.anonymize(source, out, layout=layout)
    assert not out.exists()
    alone = deidflow.anonymize(source / "b", out, layout="{subject}/{series}", workers=1)
    assert (alone.verdicts["released"], len(images(out))) == (3, 3)


@pytest.mark.parametrize("layout", ["mirror", "{subject}/{series}"])
def test_resuming_removes_nothing_that_it_does_not_replace(tmp_path: Path, layout: str) -> None:
    source, out, vault = two_studies(tmp_path / "in"), tmp_path / "out", tmp_path / "vault"
    deidflow.anonymize(source / "a" / "s1", out, vault=vault, layout=layout, workers=1)
    before = tree_digest(out)
    with pytest.raises(UsageError, match="would remove 3 files"):
        deidflow.anonymize(
            source / "a" / "s2", out, vault=vault, layout=layout, on_exists="resume", workers=1
        )
    assert tree_digest(out) == before


def test_resuming_with_other_sources_adds_to_what_is_there(tmp_path: Path) -> None:
    source, out, vault = two_studies(tmp_path / "in"), tmp_path / "out", tmp_path / "vault"
    for part in ("a/s1", "a/s2", "b"):
        deidflow.anonymize(source / part, out, vault=vault, on_exists="resume", workers=1)
    assert len(images(out)) == 9


def test_what_is_not_on_disk_is_not_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PendingUnits.finish

    def finish(units: PendingUnits, done: object) -> None:
        real(units, done)  # type: ignore[arg-type]
        for path in images(units.out)[:1]:
            path.unlink()

    source, out = two_studies(tmp_path / "in"), tmp_path / "out"
    monkeypatch.setattr(PendingUnits, "finish", finish)
    result = deidflow.anonymize(source / "b", out, workers=1)
    assert (result.verdicts["released"], result.verdicts["failed"], result.exit_code) == (2, 1, 5)
    assert len(images(out)) == 2
    assert "output is not where" in result.reasons[0][1]


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
def test_the_audit_covers_the_whole_output_after_resuming(tmp_path: Path, suffix: str) -> None:
    source, out = two_studies(tmp_path / "in"), tmp_path / "out"
    audit, vault = tmp_path / f"audit.{suffix}", tmp_path / "vault"
    same = {"vault": vault, "audit": audit, "workers": 1}
    deidflow.anonymize(source / "a", out, **same)  # type: ignore[arg-type]
    first = audit.read_text()
    deidflow.anonymize(source / "a", out, on_exists="resume", **same)  # type: ignore[arg-type]
    assert audit.read_text() == first
    deidflow.anonymize(source / "b", out, on_exists="resume", **same)  # type: ignore[arg-type]
    outputs = {f"{row['subject']}/{row['output']}" for row in audit_rows(audit)}
    assert outputs == {path.relative_to(out).as_posix() for path in images(out)}


def audit_rows(path: Path) -> list[dict[str, str]]:
    text = path.read_text()
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines()))
    rows = (
        json.loads(text)
        if path.suffix == ".json"
        else [json.loads(line) for line in text.splitlines()]
    )
    return list(rows)


def test_an_audit_in_another_format_is_refused(tmp_path: Path) -> None:
    two_studies(tmp_path / "in")
    result = command_here(
        "anonymize", tmp_path / "in", tmp_path / "out", "--audit", tmp_path / "audit.xlsx"
    )
    assert result.returncode == 2
    assert "'audit'" in result.stderr
    assert "Excel" in result.stderr
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "audit.xlsx").exists()


def test_a_source_of_which_nothing_is_released_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "study.zip", "w") as archive:
        archive.writestr("a.dcm", b"x")
    done = command_here("anonymize", tmp_path / "in", tmp_path / "out")
    assert (done.returncode, "nothing is released" in done.stderr) == (4, True), done.stderr
    planned = command_here("plan", tmp_path / "in")
    assert (planned.returncode, "Nothing would be released" in planned.stdout) == (4, True)


def test_working_folders_are_not_read_and_do_not_stay(tmp_path: Path) -> None:
    source = two_studies(tmp_path / "in")
    save_series(source / ".earlier.deidflow" / "staged" / "P001", SeriesInstanceUID="1.2.8")
    result = deidflow.anonymize(source, tmp_path / "out", workers=1)
    assert (result.verdicts["released"], result.verdicts["skipped"]) == (9, 1)
    assert not (tmp_path / ".out.deidflow").exists()
    with pytest.raises(UsageError, match="working folder"):
        deidflow.anonymize(source / ".earlier.deidflow" / "staged", tmp_path / "other")


def test_the_vault_says_which_file_became_which(tmp_path: Path) -> None:
    source, out, vault = two_studies(tmp_path / "in"), tmp_path / "out", tmp_path / "vault"
    (source / "notes.txt").write_text("x")
    deidflow.anonymize(source, out, vault=vault, workers=1)
    deidflow.anonymize(source / "b", out, vault=vault, on_exists="resume", workers=1)
    table = next((vault / "instances").glob("anonymize-default-high-*.csv"))
    assert table.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["released_path"] for row in rows} == {
        path.relative_to(out).as_posix() for path in images(out)
    }
    for row in rows:
        assert pydicom.dcmread(row["source_path"]).SOPInstanceUID == row["sop_uid"]
        assert pydicom.dcmread(out / row["released_path"]).SOPInstanceUID == row["released_sop_uid"]
        assert row["verdict"] == "released"
        assert row["released_path"].startswith(row["subject"])
