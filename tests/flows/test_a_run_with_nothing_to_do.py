"""A run that finds nothing changed starts no server, says what the last said, and has a row that
the UI shows."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deidflow.run.batch import OrderedSubject
from deidflow.run.context import Run
from deidflow.run.standing import StandingSubjects
from deidflow.settings.load import load_settings
from deidflow.store.children import Children
from tests.commands import clean_environment, command_line
from tests.flows.conftest import ALL, DEIDFLOW, Api, Site
from tests.places import tree_digest, write_secret
from tests.ports import free_port
from tests.synthetic import save_series


@dataclass(frozen=True)
class Idle:
    """What a run said, and whether it left release, history and the server's log alone."""

    said: subprocess.CompletedProcess[str]
    left_all_as_it_was: bool


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A low release of one series, after its first run."""
    root = tmp_path_factory.mktemp("idle")
    save_series(root / "source" / "a", 3)
    write_secret(root / "vault")
    first = run(root)
    assert first.returncode == 0, first.stderr
    return root


@pytest.fixture(scope="module")
def idle(root: Path) -> Idle:
    """A second run, that found nothing to do."""
    log = root / "vault" / "prefect" / "server.log"
    before = tree_digest(root / "release"), log.stat().st_mtime_ns, flow_runs(root)
    said = run(root)
    after = tree_digest(root / "release"), log.stat().st_mtime_ns, flow_runs(root)
    return Idle(said, after == before)


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


def test_nothing_is_done_and_no_server_starts(idle: Idle) -> None:
    assert idle.said.returncode == 0, idle.said.stderr
    assert "P001: cached, nothing to do" in idle.said.stderr
    assert idle.left_all_as_it_was


def check_history(api: Api, name: str) -> None:
    """Everything that the first run did is in what a server shows of it later."""
    (run,) = [run for run in api.runs() if run["name"] == name]
    states = api.client.get("/flow_run_states/", params={"flow_run_id": run["id"]}).json()
    assert [state["name"] for state in states] == ["Pending", "Running", "Completed"]
    assert run["start_time"] == states[1]["timestamp"]
    assert run["end_time"] == states[2]["timestamp"]
    assert run["tags"] == ["level:low", "project:default"]

    of_run = {"any_": [run["id"]]}
    tasks = api.post("/task_runs/filter", flow_runs={"id": of_run})
    steps = {f"{step} P001 M00" for step in ALL}
    assert {task["name"] for task in tasks} == {"discover", "P001", "report", *steps}
    for task in tasks:
        states = api.client.get("/task_run_states/", params={"task_run_id": task["id"]}).json()
        assert [state["name"] for state in states] == ["Pending", "Running", "Completed"]
        assert states[-1]["message"]

    logs = api.post("/logs/filter", logs={"flow_run_id": of_run}, sort="TIMESTAMP_ASC")
    begun, line, finished = [log["message"] for log in logs]
    assert begun.startswith("Beginning flow run")
    assert line == "P001: completed, released"
    assert finished.startswith("Finished in state Completed")

    artifacts = api.post("/artifacts/filter", flow_runs={"id": of_run})
    assert sorted((row["key"], row["description"]) for row in artifacts) == [
        ("sessions", "1 sessions: 1 worked on, 0 failed"),
        ("subjects", "1 of 1 subjects: 1 completed"),
        ("verdicts", "3 files: 3 released"),
    ]


def test_the_ui_shows_every_run_of_the_vault_on_loopback_only(root: Path, idle: Idle) -> None:
    waiting = root / "vault" / "prefect" / "idle_runs.jsonl"
    count = len(waiting.read_text().splitlines())
    before = flow_runs(root)

    port = free_port()
    command = [DEIDFLOW, "ui", "--vault", str(root / "vault"), "--port", str(port)]
    environment = clean_environment()
    environment.pop("PREFECT_HOME")
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as shown, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:  # fmt: skip
        try:
            assert shown.stdout is not None
            assert f"http://127.0.0.1:{port}" in shown.stdout.readline()
            assert not waiting.exists()
            page = client.get("/")
            runs = client.post("/api/flow_runs/filter", json={}).json()
            listening = Path("/proc/net/tcp").read_text()
            check_history(Api(f"http://127.0.0.1:{port}"), before[0][0])
        finally:
            shown.send_signal(signal.SIGINT)
        assert shown.wait(timeout=30) == 0

    assert "<html" in page.text
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening
    rows = flow_runs(root)
    assert rows[: len(before)] == before
    assert [state for _, state in rows[len(before) :]] == ["Cached"] * count
    assert sorted(run["name"] for run in runs) == sorted(name for name, _ in rows)


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


def test_a_new_subject_costs_the_others_no_task(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    site.run()
    before = tree_digest(site.release / "P001")
    uids = {"StudyInstanceUID": "1.9", "SeriesInstanceUID": "1.9.1"}
    save_series(site.source / "b", 2, PatientID="X-2", PatientName="Doe^Jane", **uids)

    assert site.run()["P003"] == ALL

    assert "P001: cached, nothing to do" in capfd.readouterr().err
    assert tree_digest(site.release / "P001") == before
    api = Api(os.environ["PREFECT_API_URL"].removesuffix("/api"))
    last = api.post("/flow_runs/filter", sort="START_TIME_DESC", limit=1)[0]
    tasks = api.tasks(last["id"], site.summary.rows)
    assert last["parameters"] == {"run_id": site.summary.run}
    assert tasks.keys() & {"P001", "P002", "P003"} == {"P003"}
