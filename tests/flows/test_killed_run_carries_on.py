"""Runs that are killed, started twice, or meet a bad file: nothing half-written, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from deidflow.store.locks import held
from tests.commands import clean_environment, command_here
from tests.flows.conftest import LONG, forkservers_of, processes_of, wait_until
from tests.places import tree_digest, write_secret
from tests.synthetic import save_series

pytestmark = pytest.mark.usefixtures("shared_server", "one_server")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("cohort") / "source"
    for number in range(3):
        uid = f"1.2.{number + 1}"
        names = {"PatientID": f"PID-{number}0000", "PatientName": f"Person{number}^Xaver"}
        for series in (1, 2):
            uids = {
                "StudyInstanceUID": uid,
                "SeriesInstanceUID": f"{uid}.{series}",
                "SeriesNumber": series,
            }
            save_series(source / f"Xaver {number}", 6, **names, **uids)
    (source / "broken.dcm").write_bytes(next(source.rglob("*-1.dcm")).read_bytes()[:300])
    return source


def arguments(source: Path, root: Path) -> list[str]:
    return [
        "run",
        str(source),
        str(root / "release"),
        "--vault",
        str(root / "vault"),
        "--level",
        "low",
    ]


@pytest.fixture(scope="module")
def undisturbed(
    cohort: Path, one_server: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("undisturbed")
    write_secret(root / "vault")
    result = command_here(*arguments(cohort, root))
    assert result.returncode == 4, result.stderr
    return tree_digest(root / "release")


def start(source: Path, root: Path, **environment: str) -> subprocess.Popen[bytes]:
    command = [str(Path(sys.executable).with_name("deidflow")), *arguments(source, root)]
    # Every process of the run names the folder, so that none can be left unseen.
    used = clean_environment() | environment | {"TEST_FOLDER": str(root)}
    return subprocess.Popen(command, env=used, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for_step(root: Path, count: int) -> None:
    """Wait until some steps are recorded, so that the kill hits the middle of the work."""
    deadline = time.monotonic() + LONG
    records = (
        "vault/work/*/P*/M*/records/*.json"  # no walk: scratch folders come and go beside them
    )
    while time.monotonic() < deadline and len(list(root.glob(records))) < count:
        time.sleep(0.02)


@pytest.mark.parametrize("kills", [(5,), pytest.param((2, 8), marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_ends_like_an_undisturbed_one(
    cohort: Path, undisturbed: dict[str, bytes], tmp_path: Path, kills: tuple[int, ...]
) -> None:
    write_secret(tmp_path / "vault")
    source_before = tree_digest(cohort)
    for steps in kills:
        process = start(cohort, tmp_path)
        wait_for_step(tmp_path, steps)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for session in (tmp_path / "release").glob("P*/M*"):
            assert (session / "session.json").exists(), (
                "a session appears with all of its files or not at all"
            )
    result = command_here(*arguments(cohort, tmp_path))
    assert result.returncode == 4, result.stderr
    assert "cached" in result.stderr, "finished steps are not done again"
    assert tree_digest(tmp_path / "release") == undisturbed
    assert tree_digest(cohort) == source_before
    assert not leftovers(tmp_path)
    assert processes_of(tmp_path) == {}


def test_a_second_run_on_a_release_is_refused(cohort: Path, tmp_path: Path) -> None:
    write_secret(tmp_path / "vault")
    with held(tmp_path / ".release.deidflow" / "lock", "release"):
        result = command_here(*arguments(cohort, tmp_path))
    assert (result.returncode, "another run" in result.stderr) == (7, True)


@pytest.mark.parametrize(
    ("sign", "steps"),
    [(signal.SIGTERM, 3), pytest.param(signal.SIGINT, 7, marks=pytest.mark.slow)],
)
def test_signals_stop_a_run_soon_and_leave_nothing(
    cohort: Path, undisturbed: dict[str, bytes], tmp_path: Path, sign: signal.Signals, steps: int
) -> None:
    write_secret(tmp_path / "vault")
    process = start(cohort, tmp_path)
    wait_for_step(tmp_path, steps)
    process.send_signal(sign)
    said = process.communicate(timeout=30)[1]
    assert (process.returncode, b"stopped; run the same command again" in said) == (
        130,
        True,
    ), said
    time.sleep(0.5)
    assert processes_of(tmp_path) == {}
    assert not leftovers(tmp_path)
    for session in (tmp_path / "release").glob("P*/M*"):
        assert (session / "session.json").exists()
    assert command_here(*arguments(cohort, tmp_path)).returncode == 4
    assert tree_digest(tmp_path / "release") == undisturbed


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.name.endswith((".scratch", ".part", ".fault"))]


def status(root: Path) -> dict[str, Any]:
    result = command_here("status", root / "release", "--vault", root / "vault", "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.slow
def test_status_of_a_run_that_is_going_on_was_killed_or_ended(cohort: Path, tmp_path: Path) -> None:
    write_secret(tmp_path / "vault")
    process = start(cohort, tmp_path)
    wait_for_step(tmp_path, 2)
    for number in wait_until(lambda: forkservers_of(tmp_path), 10, "working process"):
        os.kill(number, signal.SIGSTOP)
    going = status(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed = status(tmp_path)
    assert command_here(*arguments(cohort, tmp_path)).returncode == 4
    ended = status(tmp_path)
    assert [(one["running"], one["interrupted"]) for one in (going, killed, ended)] == [
        (True, False), (False, True), (False, False)
    ]  # fmt: skip
    for found in (going, killed):
        assert {"done", "-"} == {
            state for row in found["sessions"] for state in row["steps"].values()
        }
    assert all(
        row["steps"] | {"deface": "done", "inspect": "done"} == dict.fromkeys(row["steps"], "done")
        for row in ended["sessions"]
    )


@pytest.mark.slow
def test_the_work_goes_on_when_the_server_dies(
    cohort: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    write_secret(tmp_path / "vault")
    process = start(cohort, tmp_path, PREFECT_API_URL="")
    wait_for_step(tmp_path, 2)
    server = children_of(process.pid, "deidflow run")  # a fork of the run, with its name
    assert len(server) == 1
    for number in server:
        os.kill(number, signal.SIGKILL)
    said = process.communicate(timeout=90)[1].decode()
    assert (process.returncode, "the Prefect server does not answer; the work goes on" in said) == (
        4,
        True,
    ), said
    assert "Traceback" not in said and "Error" not in said
    assert tree_digest(tmp_path / "release") == undisturbed


def children_of(parent: int, name: str) -> list[int]:
    """Processes of a name whose parent is this one."""
    found = subprocess.run(
        ["pgrep", "-P", str(parent), "-f", name], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def test_a_release_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    write_secret(tmp_path / "vault")
    save_series(tmp_path / "source", 3)
    (tmp_path / "release").mkdir(mode=0o700)
    (tmp_path / "release" / "diary.txt").write_text("dear diary")
    result = command_here(*arguments(tmp_path / "source", tmp_path))
    assert (result.returncode, "no release" in result.stderr) == (2, True)
    assert (tmp_path / "release").stat().st_mode & 0o777 == 0o700
