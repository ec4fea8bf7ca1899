"""Audit, console, log and result tell what happened by numbers and reasons, never by values."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from deidflow.audit.rows import Difference
from deidflow.bulk.audit import check_audit, quarantine_table, write_audit
from deidflow.bulk.console import NOTHING_RELEASED, show_plan, show_result, verbosity
from deidflow.bulk.result import NotReleased, PlannedChange, Result
from deidflow.bulk.tasks import FileOutcome, FileTask
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.header.comparison import Change
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.verdicts import Reason, Verdict

SKIPPED = NotReleased(1, Verdict.SKIPPED, Reason.NOT_DICOM)
HELD = NotReleased(3, Verdict.QUARANTINED, Reason.ANOTHER_PATIENT, "StationName")
FAILED = NotReleased(4, Verdict.FAILED, Reason.UNREACHABLE)


def settings(tmp_path: Path, **changes: Any) -> AnonymizeSettings:
    values: dict[str, Any] = {"sources": (tmp_path / "in",), "out": tmp_path / "out"}
    return AnonymizeSettings(**values, **changes)


def result(*not_released: NotReleased, released: int = 2, **changes: Any) -> Result:
    verdicts = {verdict.value: 0 for verdict in Verdict}
    verdicts[Verdict.RELEASED.value] = released
    for file in not_released:
        verdicts[file.verdict.value] += 1
    values: dict[str, Any] = {
        "out": Path("/out"),
        "files": released + len(not_released),
        "verdicts": verdicts,
        "subjects": 1,
        "reused": 0,
        "not_released": not_released,
        "warnings": (),
    }
    return Result(**values | changes)


@pytest.mark.parametrize(
    ("files", "released", "code"),
    [
        ([], 2, 0),
        ([SKIPPED], 2, 0),
        ([SKIPPED], 0, 4),
        ([HELD], 2, 4),
        ([HELD, FAILED], 2, 5),
    ],
)
def test_the_worst_verdict_decides_on_the_exit_code(
    files: list[NotReleased], released: int, code: int
) -> None:
    outcome = result(*files, released=released)

    assert outcome.exit_code == code
    assert outcome.is_empty == (released == 0)


def test_reasons_are_counted_by_verdict_and_attribute() -> None:
    other = NotReleased(5, Verdict.QUARANTINED, Reason.ANOTHER_PATIENT, "ImageComments")
    again = NotReleased(6, Verdict.QUARANTINED, Reason.ANOTHER_PATIENT, "StationName")

    reasons = result(SKIPPED, HELD, other, again).reasons
    assert [(row.verdict, row.files) for row in reasons] == [
        ("quarantined", 1),
        ("quarantined", 2),
        ("skipped", 1),
    ]
    assert reasons[1].words.endswith("another patient: StationName")


def test_quiet_and_verbose_contradict_each_other() -> None:
    assert verbosity(quiet=False, verbose=False) == "normal"
    assert verbosity(quiet=True, verbose=False) == "quiet"
    assert verbosity(quiet=False, verbose=True) == "verbose"

    with pytest.raises(UsageError, match="contradict"):
        verbosity(quiet=True, verbose=True)


def test_the_console_counts_files_and_names_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = result(SKIPPED, HELD, reused=2, warnings=("mind this",))
    show_result(shown, settings(tmp_path, vault=tmp_path / "vault"))

    assert capsys.readouterr().err.splitlines() == [
        "warning: mind this",
        "4 files of 1 subjects became: 2 released, 1 skipped, 1 quarantined"
        " (2 from before, intact)",
        f"  1 quarantined: {HELD.words}",
        "  1 skipped: not a DICOM file",
        "which files: quarantine/default-high/anonymize.csv in the vault",
    ]


def test_if_verbose_each_file_is_named_by_number_or_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = ["notes\n.txt", "a", "b"]
    show_result(result(SKIPPED), settings(tmp_path), "verbose")
    show_result(result(SKIPPED), settings(tmp_path), "verbose", paths)

    lines = capsys.readouterr().err.splitlines()
    assert "  000001 skipped: not a DICOM file" in lines
    assert "  notes\\n.txt skipped: not a DICOM file" in lines


def test_if_quiet_only_errors_are_shown_and_the_log_has_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.txt"
    logged = settings(tmp_path, log=log)
    for _ in range(2):
        show_result(result(SKIPPED, FAILED), logged, "quiet", ["Zimmerquast.dcm"])

    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"deidflow: 1 failed: {Reason.UNREACHABLE.words}"] * 2
    text = log.read_text()
    assert text.count("4 files of 1 subjects") == 2
    assert "Zimmerquast" not in text


def test_a_log_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    logged = settings(tmp_path, log=tmp_path / "missing" / "log.txt")

    with pytest.raises(EnvironmentFault, match="log cannot be written"):
        show_result(result(), logged)


def test_an_empty_release_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_result(result(SKIPPED, released=0), settings(tmp_path, dry_run=True))

    text = capsys.readouterr().err
    assert "would become: 1 skipped" in text
    assert NOTHING_RELEASED in text


def test_a_plan_is_a_table_of_files_attributes_and_actions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = (
        PlannedChange(2, "PatientName", "pseudonym"),
        PlannedChange(2, "Rows", "cleaned"),
    )
    show_plan(result(SKIPPED, plan=plan), [])

    assert capsys.readouterr().out.splitlines() == [
        "000002  PatientName  pseudonym",
        "000002  Rows         cleaned",
        "000001  skipped: not a DICOM file",
    ]


def outcome(number: int, name: str, action: str = Change.REMOVED) -> FileOutcome:
    task = FileTask(
        number=number,
        path=f"Zimmerquast/{number}",
        folder="P001/M00/003-MR",
        name=name,
        series="003-MR",
        bin_trigger_time=False,
        sop_uid="1.2.3",
    )
    return FileOutcome(task, Verdict.RELEASED, differences=(Difference("PatientName", action),))


def rows_of(path: Path) -> list[dict[str, str]]:
    text = path.read_text()
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines()))
    if path.suffix == ".json":
        rows: list[dict[str, str]] = json.loads(text)
        return rows
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_every_format_has_the_same_rows(tmp_path: Path, suffix: str) -> None:
    audit = tmp_path / f"audit{suffix}"
    write_audit(settings(tmp_path, audit=audit), [outcome(2, "slice_001.dcm")], [SKIPPED])

    assert rows_of(audit) == [
        {
            "file": "000002",
            "subject": "P001/M00/003-MR",
            "series": "003-MR",
            "verdict": "released",
            "attribute": "PatientName",
            "action": "removed",
            "output": "slice_001.dcm",
        },
        {
            "file": "000001",
            "subject": "",
            "series": "",
            "verdict": "skipped",
            "attribute": "",
            "action": "not a DICOM file",
            "output": "",
        },
    ]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_rows_of_outputs_that_stay_are_kept_without_their_numbers(
    tmp_path: Path, suffix: str
) -> None:
    resumed = settings(
        tmp_path,
        audit=tmp_path / f"audit{suffix}",
        on_exists="resume",
        vault=tmp_path / "vault",
    )
    folder = tmp_path / "out" / "P001/M00/003-MR"
    folder.mkdir(parents=True)
    (folder / "a.dcm").touch()
    write_audit(resumed, [outcome(1, "a.dcm"), outcome(2, "gone.dcm")], [SKIPPED])

    write_audit(resumed, [outcome(1, "b.dcm")], [])
    rows = rows_of(tmp_path / f"audit{suffix}")
    assert [(row["file"], row["output"]) for row in rows] == [("000001", "b.dcm"), ("", "a.dcm")]


def test_a_dry_run_writes_no_audit(tmp_path: Path) -> None:
    audit = tmp_path / "audit.csv"
    write_audit(settings(tmp_path, audit=audit, dry_run=True), [outcome(1, "a.dcm")], [])

    assert not audit.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("audit.json", "{"), ("audit.json", "[3]"), ("audit.jsonl", "thesis\n"), ("audit.csv", "ä")],
)
def test_a_file_that_is_no_audit_is_not_added_to(tmp_path: Path, name: str, content: str) -> None:
    audit = tmp_path / name
    audit.write_text(content)
    values = {"audit": audit, "vault": tmp_path / "vault"}

    check_audit(settings(tmp_path, **values))
    with pytest.raises(UsageError, match="not an audit of deidflow"):
        check_audit(settings(tmp_path, **values, on_exists="resume"))
    assert audit.read_text() == content


def test_a_folder_in_place_of_the_audit_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "audit.csv").mkdir()
    resumed = settings(
        tmp_path,
        audit=tmp_path / "audit.csv",
        vault=tmp_path / "vault",
        on_exists="resume",
    )

    with pytest.raises(EnvironmentFault, match="cannot be read"):
        check_audit(resumed)


def test_only_the_vault_s_table_has_paths() -> None:
    table = quarantine_table([SKIPPED, HELD], ["=notes.txt", "a.dcm", "b\udcff.dcm"])

    lines = table.splitlines()
    assert lines[0] == b"source_path,verdict,reason,words"
    assert lines[1] == b"'=notes.txt,skipped,not-dicom,not a DICOM file"
    assert lines[2].startswith(b"b\xff.dcm,quarantined,another-patient,")
