"""A Prefect server of our own for runs without one: it dies with us, and loses no row."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from deidflow.errors import EnvironmentFault, UsageError
from deidflow.store.process import die_with_parent

_START_SECONDS, _DRAIN_SECONDS = 180.0, 60.0
_QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_CLI_PROMPT": "false",
    "NO_ET": "1",
}


def prepare_environment(home: Path) -> None:
    """Settings of Prefect for this process and its children; must come before Prefect is imported."""
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    os.environ.setdefault("PREFECT_HOME", str(home))


@contextmanager
def server(home: Path) -> Iterator[subprocess.Popen[bytes] | None]:
    """Use the server of PREFECT_API_URL, or run one on loopback for as long as the context is open."""
    prepare_environment(home)
    if os.environ.get("PREFECT_API_URL"):
        yield None
        return
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True, mode=0o700)
    process, address = _start(Path(os.environ["PREFECT_HOME"]))
    os.environ["PREFECT_API_URL"] = f"{address}/api"
    try:
        yield process
    finally:
        _send_what_waits()
        del os.environ["PREFECT_API_URL"]
        _stop(process)


def _send_what_waits() -> None:
    """Send events and log lines that are still in this process, while there is a server to take them."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=_DRAIN_SECONDS)
    APILogWorker.drain_all(timeout=_DRAIN_SECONDS)


def _start(home: Path) -> tuple[subprocess.Popen[bytes], str]:
    port = _free_port()
    return _launch(
        home, port, {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"}
    ), f"http://127.0.0.1:{port}"


def show_history(home: Path, port: int) -> int:
    """Run a server with Prefect's UI over the history in `home`, on loopback, until it is interrupted."""
    prepare_environment(home)
    if not (Path(os.environ["PREFECT_HOME"]) / "prefect.db").exists():
        raise UsageError("there is no history of runs in this vault; run 'deidflow run' first")
    if not _is_free(port):
        raise EnvironmentFault(f"port {port} is in use; name another one with --port")
    home, address = Path(os.environ["PREFECT_HOME"]), f"http://127.0.0.1:{port}"
    os.environ["PREFECT_API_URL"] = f"{address}/api"
    ui = {"PREFECT_UI_ENABLED": "1", "PREFECT_UI_API_URL": f"{address}/api", "PREFECT__SERVER_WEBSERVER_ONLY": "1"}
    process = _launch(home, port, ui | {"PREFECT_UI_STATIC_DIRECTORY": str(home / "ui")})
    try:
        wait_until_ready(process)
        print(f"Prefect UI: {address} (Ctrl-C ends it)", flush=True)
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(process)


def _launch(home: Path, port: int, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--lifespan", "on"]
    with (home / "server.log").open("ab") as log:
        return subprocess.Popen(
            command, env=_server_environment(os.environ) | dict(settings), stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, preexec_fn=die_with_parent, start_new_session=True,
        )  # fmt: skip


def _server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What the server may know: no variable of deidflow, since those name places."""
    kept = {name: value for name, value in environment.items() if not name.startswith("DEIDFLOW_")}
    return kept | {"PREFECT__SERVER_FINAL": "1"}


def wait_until_ready(process: subprocess.Popen[bytes] | None) -> None:
    """Wait for the server to answer; raises EnvironmentFault when it does not, or has ended."""
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline and (process is None or process.poll() is None):
            try:
                if client.get(f"{os.environ['PREFECT_API_URL']}/health").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
    raise EnvironmentFault("the Prefect server does not answer; see server.log in Prefect's home")


def wait_for_rows(expected: int) -> None:
    """Wait until the server has stored the end of every task: one that stops earlier loses the rest."""
    from prefect.client.orchestration import get_client
    from prefect.runtime import flow_run

    ended = {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}}
    query = {"flow_runs": {"id": {"any_": [str(flow_run.get_id())]}}, "task_runs": ended}
    deadline = time.monotonic() + _DRAIN_SECONDS
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            answer = client._client.post("/task_runs/count", json=query)
            if answer.status_code != 200 or answer.json() >= expected:
                return
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
