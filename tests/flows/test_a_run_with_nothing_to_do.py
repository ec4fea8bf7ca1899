"""A run that finds nothing changed starts no server, says what the last said, and has a row."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from deidflow.run.context import Run
from deidflow.run.discovery import OrderedSubject
from deidflow.run.standing import StandingSubjects
from deidflow.settings.load import load_settings
from deidflow.store.children import Children
from tests.commands import clean_environment, command_line
from tests.flows.conftest import DEIDFLOW, free_port, wait_until
from tests.places import tree_digest, write_secret
from tests.synthetic import save_series


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A low release of one series, after its first run."""
    root = tmp_path_factory.mktemp("idle")
    save_series(root / "source" / "a", 3)
    write_secret(root / "vault")
    first = run(root)
    assert first.returncode == 0, first.stderr
    return root


def run(root: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    places = (root / "source", root / "release", "--vault", root / "vault")
    return command_line("run", *places, "--level", "low", *flags, PREFECT_HOME="")


def flow_runs(root: Path) -> list[tuple[str, str]]:
    """Name and state of the runs in Prefect's history."""
    with closing(sqlite3.connect(root / "vault" / "prefect" / "prefect.db")) as database:
        return database.execute("SELECT name, state_name FROM flow_run ORDER BY created").fetchall()


def done_runs(root: Path) -> int:
    """Runs that were not idle."""
    return sum(state != "Cached" for _, state in flow_runs(root))


def test_nothing_is_done_and_no_server_starts(root: Path) -> None:
    before = tree_digest(root / "release")
    log = root / "vault" / "prefect" / "server.log"
    started = log.stat().st_mtime_ns
    rows = flow_runs(root)

    again = run(root)

    assert again.returncode == 0, again.stderr
    assert "P001: cached, nothing to do" in again.stderr
    assert tree_digest(root / "release") == before
    assert (log.stat().st_mtime_ns, flow_runs(root)) == (started, rows)


def test_its_row_is_there_when_somebody_looks(root: Path) -> None:
    run(root)
    waiting = root / "vault" / "prefect" / "idle_runs.jsonl"
    count = len(waiting.read_text().splitlines())
    before = len(flow_runs(root))

    port = free_port()
    environment = clean_environment() | {"PREFECT_HOME": ""}
    environment.pop("PREFECT_HOME")
    command = [DEIDFLOW, "ui", "--vault", str(root / "vault"), "--port", str(port)]
    shown = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: not waiting.exists(), 120, "rows of idle runs")
        health = httpx.get(f"http://127.0.0.1:{port}/api/health", trust_env=False)
        assert health.status_code == 200
    finally:
        shown.terminate()
        shown.wait(timeout=30)

    rows = flow_runs(root)
    assert len(rows) == before + count
    assert {state for _, state in rows[before:]} == {"Cached"}


def touched(root: Path) -> None:
    """A file of the source has another time."""
    path = next((root / "source").rglob("*.dcm"))
    os.utime(path, ns=(time.time_ns(), time.time_ns()))


def without_a_table(root: Path) -> None:
    """Somebody deleted a table of the release."""
    (root / "release" / "subjects.tsv").unlink()


def without_headers(root: Path) -> None:
    """An intermediate result is gone."""
    (session,) = (root / "vault" / "work").glob("*/P001/M00")
    shutil.rmtree(session / "anonymize")


@pytest.mark.slow
@pytest.mark.parametrize("change", [without_a_table, touched, without_headers])
def test_whatever_changed_the_run_is_done(root: Path, change: Callable[[Path], None]) -> None:
    before = tree_digest(root / "release")
    count = done_runs(root)

    change(root)
    again = run(root)

    assert again.returncode == 0, again.stderr
    assert tree_digest(root / "release") == before
    assert done_runs(root) == count + 1


def standing(root: Path, **flags: object) -> bool:
    """Whether the next run would leave the only subject alone."""
    places = {name: root / name for name in ("source", "release", "vault")}
    settings = load_settings({**places, "level": "low", **flags}, environment={})
    run = Run("test", settings, Children(1 << 30))
    order = OrderedSubject("", "P001", ("M00",))
    return list(StandingSubjects(run).among([order])) == [order]


def without_a_record(root: Path) -> None:
    next((root / "vault" / "work").glob("*/P001/M00/records/verify.json")).unlink()


def without_a_slice(root: Path) -> None:
    next((root / "release" / "P001").rglob("*.dcm")).unlink()


def with_another_order(root: Path) -> None:
    (order,) = (root / "vault" / "work").glob("*/P001/order.json")
    order.write_bytes(order.read_bytes().replace(b"shift_days", b"Shift_days"))


def failed_before(root: Path) -> None:
    (outcome,) = (root / "vault" / "work").glob("*/P001/outcome.json")
    outcome.unlink()


@pytest.mark.parametrize(
    "change",
    [without_headers, without_a_record, without_a_slice, with_another_order, failed_before],
)
def test_a_subject_is_left_alone_until_something_of_it_changes(
    root: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    moved = tmp_path / "site"
    shutil.copytree(root, moved, symlinks=True)
    # A copy has other inodes: its answer is noted again.
    settings = load_settings(
        {name: moved / name for name in ("source", "release", "vault")} | {"level": "low"},
        environment={},
    )
    order = OrderedSubject("", "P001", ("M00",))
    assert not standing(moved)
    StandingSubjects(Run("test", settings, Children(1 << 30))).note(order)

    assert standing(moved)
    assert not standing(moved, strict=True)
    assert not standing(moved, profile="high")
    change(moved)
    assert not standing(moved)


def test_a_new_subject_costs_the_others_no_task(root: Path) -> None:
    before = tree_digest(root / "release" / "P001")
    uids = {"StudyInstanceUID": "1.9", "SeriesInstanceUID": "1.9.1"}
    save_series(root / "source" / "b", 2, PatientID="X-2", PatientName="Doe^Jane", **uids)
    again = run(root)

    assert again.returncode == 0, again.stderr
    assert "P001: cached, nothing to do" in again.stderr
    assert tree_digest(root / "release" / "P001") == before
    assert list((root / "release" / "P002").rglob("*.dcm"))
    with closing(sqlite3.connect(root / "vault" / "prefect" / "prefect.db")) as database:
        names = [name for (name,) in database.execute("SELECT name FROM task_run")]
    assert (names.count("P001"), names.count("P002")) == (1, 1)
