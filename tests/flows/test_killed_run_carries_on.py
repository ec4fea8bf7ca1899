"""Runs that are killed, started twice, or meet a bad file: nothing half-written, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deidflow.store.locks import held
from tests.conftest import clean_environment, command_line, give_template, save_series, tree_digest, write_secret


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("cohort") / "source"
    for number in range(3):
        uid = f"1.2.{number + 1}"
        names = {"PatientID": f"PID-{number}0000", "PatientName": f"Person{number}^Xaver"}
        for series in (1, 2):
            uids = {"StudyInstanceUID": uid, "SeriesInstanceUID": f"{uid}.{series}", "SeriesNumber": series}
            save_series(source / f"Xaver {number}", 6, **names, **uids)
    (source / "broken.dcm").write_bytes(next(source.rglob("*-1.dcm")).read_bytes()[:300])
    return source


def arguments(source: Path, root: Path) -> list[str]:
    return ["run", str(source), str(root / "release"), "--vault", str(root / "vault"), "--level", "low"]


@pytest.fixture(scope="module")
def undisturbed(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("undisturbed")
    write_secret(root / "vault")
    result = command_line(*arguments(cohort, root))
    assert result.returncode == 4, result.stderr
    return tree_digest(root / "release")


def start(source: Path, root: Path) -> subprocess.Popen[bytes]:
    command = [str(Path(sys.executable).with_name("deidflow")), *arguments(source, root)]
    return subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def processes_of(root: Path) -> list[int]:
    """Processes that name a folder in their arguments or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if str(root).encode() in said and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def wait_for_step(root: Path, count: int) -> None:
    """Wait until some steps are recorded, so that the kill hits the middle of the work."""
    deadline = time.monotonic() + 60
    records = "vault/work/*/P*/M*/records/*.json"  # no walk: scratch folders come and go beside them
    while time.monotonic() < deadline and len(list(root.glob(records))) < count:
        time.sleep(0.02)


def test_a_run_killed_again_and_again_ends_like_an_undisturbed_one(
    cohort: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    write_secret(tmp_path / "vault")
    source_before = tree_digest(cohort)
    for steps in (2, 8):
        process = start(cohort, tmp_path)
        wait_for_step(tmp_path, steps)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for session in (tmp_path / "release").glob("P*/M*"):
            assert (session / "session.json").exists(), "a session appears with all of its files or not at all"
    result = command_line(*arguments(cohort, tmp_path))
    assert result.returncode == 4, result.stderr
    assert "cached" in result.stderr, "finished steps are not done again"
    assert tree_digest(tmp_path / "release") == undisturbed
    assert tree_digest(cohort) == source_before
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith((".scratch", ".part"))]
    assert processes_of(tmp_path) == []


def test_a_second_run_on_a_release_is_refused(cohort: Path, tmp_path: Path) -> None:
    write_secret(tmp_path / "vault")
    with held(tmp_path / ".release.deidflow" / "lock", "release"):
        result = command_line(*arguments(cohort, tmp_path))
    assert (result.returncode, "another run" in result.stderr) == (7, True)


def test_terminating_a_run_stops_it_soon_and_leaves_nothing(
    cohort: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    write_secret(tmp_path / "vault")
    process = start(cohort, tmp_path)
    wait_for_step(tmp_path, 3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) != 0
    time.sleep(0.5)
    assert processes_of(tmp_path) == []
    assert command_line(*arguments(cohort, tmp_path)).returncode == 4
    assert tree_digest(tmp_path / "release") == undisturbed


def test_a_subject_added_later_leaves_the_others_alone(
    cohort: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    import shutil

    write_secret(tmp_path / "vault")
    shutil.copytree(cohort, tmp_path / "source")
    assert command_line(*arguments(tmp_path / "source", tmp_path)).returncode == 4
    uids = {"StudyInstanceUID": "1.9", "SeriesInstanceUID": "1.9.1"}
    save_series(tmp_path / "source" / "new", 4, PatientID="NEW-1", PatientName="New^Nina", **uids)
    result = command_line(*arguments(tmp_path / "source", tmp_path))
    assert result.returncode == 4, result.stderr
    assert "P004 M00 publish: completed" in result.stderr
    assert all(f"{pseudonym}: cached" in result.stderr for pseudonym in ("P001", "P002", "P003"))
    release = tree_digest(tmp_path / "release")
    tables = {"manifest.sha256", "subjects.tsv"}
    assert {name: data for name, data in release.items() if not name.startswith("P004") and name not in tables} == {
        name: data for name, data in undisturbed.items() if name not in tables
    }


def test_odd_file_names_are_only_names_and_an_odd_series_costs_only_itself(tmp_path: Path) -> None:
    """Line breaks, bytes that are no UTF-8, commas, signs that spreadsheets compute with; cells of 64 bits."""
    write_secret(tmp_path / "vault")
    save_series(tmp_path / "source", 3)
    odd = {"SeriesInstanceUID": "1.2.3.4.5.2", "SeriesNumber": 8, "Modality": "CT", "BitsAllocated": 64}
    save_series(tmp_path / "source", 2, **odd, SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    for name in (b"line\nbreak", b"\xff\xfe.txt", "=1+1,\U0001f9e0.txt".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path / "source") + b"/" + name)).write_text("no image")
    result = command_line(*arguments(tmp_path / "source", tmp_path))
    assert result.returncode == 4, result.stderr
    assert "8 files found" in result.stdout
    assert (tmp_path / "release" / "P001" / "M00" / "003-MR").is_dir()
    assert b"\xff\xfe.txt" in (tmp_path / "vault" / "quarantine" / "report.csv").read_bytes()
    assert "'=1+1" in (tmp_path / "vault" / "quarantine" / "report.csv").read_text("utf-8", "replace")


def test_a_session_that_may_not_go_out_any_more_is_withdrawn(tmp_path: Path, template_file: Path) -> None:
    """Published at low with its pixels; then faces must go, and no head passes the gate."""
    write_secret(tmp_path / "vault")
    give_template(tmp_path / "vault", template_file)
    save_series(tmp_path / "source", 3)
    assert command_line(*arguments(tmp_path / "source", tmp_path)).returncode == 0
    assert (tmp_path / "release" / "P001" / "M00").is_dir()
    (tmp_path / "c.yaml").write_text("deface: {when: always}\n")
    result = command_line(*arguments(tmp_path / "source", tmp_path), "--config", tmp_path / "c.yaml")
    assert result.returncode == 4, result.stderr
    assert "P001 M00: withdrawn" in result.stderr
    assert sorted(path.name for path in (tmp_path / "release").iterdir()) == [
        "dataset.json",
        "manifest.sha256",
        "subjects.tsv",
    ]
    assert "P001" not in (tmp_path / "release" / "manifest.sha256").read_text()


def test_a_release_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    write_secret(tmp_path / "vault")
    save_series(tmp_path / "source", 3)
    (tmp_path / "release").mkdir(mode=0o700)
    (tmp_path / "release" / "diary.txt").write_text("dear diary")
    result = command_line(*arguments(tmp_path / "source", tmp_path))
    assert (result.returncode, "no release" in result.stderr) == (2, True)
    assert (tmp_path / "release").stat().st_mode & 0o777 == 0o700
