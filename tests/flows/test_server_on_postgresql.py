"""The three processes of the compose file, without containers: PostgreSQL, a Prefect server, and a
worker."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.commands import clean_environment
from tests.flows.conftest import (
    DEIDFLOW,
    Api,
    freeze,
    make_cohort,
    processes_of,
    wait_until,
)
from tests.ports import free_port
from tests.synthetic import save_series

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("initdb") is None, reason="no PostgreSQL on this machine"),
]
COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "containers" / "compose.yaml").read_text())[
    "services"
]
NOBODY = {"user": "nobody"} if os.geteuid() == 0 else {}


@pytest.fixture(scope="module")
def database() -> Iterator[int]:
    """A cluster of its own on loopback; PostgreSQL refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="deidflow-postgresql-"))
    port = free_port()
    if NOBODY:
        shutil.chown(folder, "nobody")
    quiet: dict[str, Any] = {
        **NOBODY,
        "check": True,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    (folder / "pw").write_text("a password of this test\n")
    subprocess.run(
        [
            "initdb",
            "-D",
            folder / "d",
            "-U",
            "prefect",
            "-A",
            "scram-sha-256",
            "--pwfile",
            folder / "pw",
        ],
        **quiet,
    )
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
    subprocess.run(
        ["pg_ctl", "-D", folder / "d", "-w", "-l", folder / "log", "-o", options, "start"], **quiet
    )
    try:
        login = {**os.environ, "PGPASSWORD": "a password of this test"}
        create = [
            "psql",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-U",
            "prefect",
            "-d",
            "postgres",
            "-c",
            "CREATE DATABASE prefect",
        ]
        subprocess.run(create, env=login, check=True, stdout=subprocess.DEVNULL)
        yield port
    finally:
        subprocess.run(["pg_ctl", "-D", folder / "d", "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(database: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The server as the compose file starts it, but for places and ports."""
    root = tmp_path_factory.mktemp("server")
    (root / "database_password").write_text("a password of this test\n")
    port = free_port()
    own = {"PREFECT_HOME": str(root), "PREFECT_UI_STATIC_DIRECTORY": str(root / "ui")}
    place = {
        "PREFECT_SERVER_DATABASE_HOST": "127.0.0.1",
        "PREFECT_SERVER_DATABASE_PORT": str(database),
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = (
        clean_environment() | COMPOSE["server"]["environment"] | own | place | {"PATH": path}
    )
    line = COMPOSE["server"]["command"][0].replace("$$", "$").replace("/run/secrets", str(root))
    line = line.replace("0.0.0.0", "127.0.0.1").replace("4200", str(port))  # noqa: S104 - inside a container
    with (root / "log").open("w") as log:
        process = subprocess.Popen(["sh", "-c", line], env=environment, stdout=log, stderr=log)
    try:
        api = Api(f"http://127.0.0.1:{port}")
        wait_until(lambda: answers(api), 120, "server")
        yield api
    finally:
        process.kill()
        process.wait()


def answers(api: Api) -> bool:
    try:
        return api.client.get("/health").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    make_cohort(root / "source")
    places = "".join(f"{place}: {root / place}\n" for place in ("source", "release", "vault"))
    (root / "site.yaml").write_text(f"{places}level: low\n")
    (root / "secret.key").write_text("0123456789abcdef0123456789abcdef\n")
    (root / "secret.key").chmod(0o600)
    return root


@contextmanager
def worker(server: Api, site: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The worker as the compose file starts it."""
    api = {
        "PREFECT_API_URL": str(server.client.base_url).rstrip("/"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    environment = (
        clean_environment()
        | api
        | {"DEIDFLOW_SECRET_FILE": str(site / "secret.key"), "PREFECT_HOME": ""}
    )
    command = [DEIDFLOW, "serve", "--config", str(site / "site.yaml"), *options]
    clean = {name: value for name, value in environment.items() if value}
    with subprocess.Popen(
        command, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None and "Prefect UI" in process.stdout.readline()
            yield process
        finally:
            process.terminate()


def test_a_scheduled_run_starts_by_itself(server: Api, site: Path) -> None:
    """A wrong SQLAlchemy creates none, without a word."""
    with worker(server, site, "--cron", "* * * * *"):
        planned = wait_until(
            lambda: [run for run in server.runs() if run["auto_scheduled"]], 30, "scheduled run"
        )
        assert len(planned) >= 3
        done = wait_until(
            lambda: [one for one in server.runs() if one["state_name"] == "Completed"],
            100,
            "nightly run",
        )
    assert done[0]["name"].startswith("nightly")
    assert len(list((site / "release").glob("P*/M00/session.json"))) == 3


def test_a_run_whose_worker_was_killed_is_crashed_within_two_minutes_and_the_next_carries_on(
    server: Api, site: Path
) -> None:
    uids = {"StudyInstanceUID": "1.2.77", "SeriesInstanceUID": "1.2.77.1"}
    save_series(site / "source" / "late", 40, PatientID="LATE-1", PatientName="Late^Xaver", **uids)
    with worker(server, site) as process:
        run_id = server.start("nightly")
        freeze(site, "P004")
        time.sleep(35)
        killed = time.monotonic()
        for number, line in processes_of(site).items():
            if " worker start " in line:
                os.kill(number, signal.SIGKILL)
        assert process.wait(timeout=20) == 3, (
            "deidflow serve ends, so that what runs it starts it again"
        )
        wait_until(lambda: not processes_of(site), 10, "end of every process of the run")
        state = server.ended(run_id, 125)["state"]
        assert (state["type"], time.monotonic() - killed < 120) == ("CRASHED", True)
    with worker(server, site):
        assert server.ended(server.start("nightly"), 90)["state_name"] == "Completed"
    assert (site / "release" / "P004" / "M00" / "session.json").exists()
    assert not [path for path in site.rglob("*") if path.name.endswith((".scratch", ".part"))]
