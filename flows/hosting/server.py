"""A Prefect server of our own for runs without one: it dies with us, and loses no row."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from deidflow.errors import EnvironmentFault, UsageError
from deidflow.store.files import read_json, write_json_atomic
from deidflow.store.locks import held, is_held
from deidflow.store.process import die_with_parent
from flows.hosting.idle_rows import note_idle_run, show_waiting
from flows.hosting.prefect_private import BRIEF_SERVER, brief_server_command

_START_SECONDS, _DRAIN_SECONDS = 180.0, 60.0
_NO_TELEMETRY = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "NO_ET": "1"}
_WHOLE_SECONDS = (
    "1"  # Prefect cuts off what comes after the point, and with 0 its server never rests
)
_QUIET = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": _WHOLE_SECONDS,
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "WARNING",
    "PREFECT_CLIENT_MAX_RETRIES": "3",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


def prepare_environment(home: Path) -> None:
    """Prefect's settings for this process and its children; call it before Prefect is imported."""
    os.environ.update(_NO_TELEMETRY)
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    os.environ.setdefault("PREFECT_HOME", str(home))


def show_idle_run(home: Path, run_id: str) -> None:
    """A row for a run that had nothing to do: now where a server is at work, else with the next."""
    home = Path(os.environ.get("PREFECT_HOME", home))
    note_idle_run(home, run_id)
    api = os.environ.get("PREFECT_API_URL") or served_at(home)
    if api:
        show_waiting(home, api)


@contextmanager
def server(home: Path) -> Iterator[subprocess.Popen[bytes] | None]:
    """Use the server of PREFECT_API_URL or of `deidflow serve`, or run one while the context is
    open."""
    prepare_environment(home)
    home = Path(os.environ["PREFECT_HOME"])
    known = os.environ.get("PREFECT_API_URL") or served_at(home)
    process = None if known else _start(home)
    if known:
        os.environ["PREFECT_API_URL"] = known

    try:
        yield process
    finally:
        if is_reached():
            _send_what_waits()
        if process is not None:
            del os.environ["PREFECT_API_URL"]
            stop(process)


def served_at(home: Path) -> str | None:
    """The API of the server that `deidflow serve` runs over this history, if it does."""
    told = read_json(home / "server.json") if is_held(home / "server.lock") else None
    return str(told["api"]) if told else None


@contextmanager
def lasting_server(home: Path, host: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server with Prefect's UI and all its services, which runs of this vault use while it is
    there."""
    home.mkdir(
        parents=True,
        exist_ok=True,
        mode=0o700,
    )
    if not is_free(host, port):
        raise EnvironmentFault(f"port {port} is in use; name another one with --port")

    with held(home / "server.lock", "history of runs"):
        reached = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - a comparison
        os.environ["PREFECT_API_URL"] = f"http://{reached}:{port}/api"
        process = _launch(
            home,
            _server_command(host, port),
            _with_ui(home) | _LASTING,
        )
        write_json_atomic(
            home / "server.json",
            {"api": os.environ["PREFECT_API_URL"]},
        )
        try:
            wait_until_ready(process)
            show_waiting(home, os.environ["PREFECT_API_URL"])
            yield process
        finally:
            (home / "server.json").unlink(missing_ok=True)
            stop(process)


_BRIEF = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "0",
}
_LASTING = {"PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs"}


def _with_ui(home: Path) -> dict[str, str]:
    """The pages ask the place that they came from, whatever name it was called by."""
    return {
        "PREFECT_UI_ENABLED": "1",
        "PREFECT_UI_API_URL": "/api",
        "PREFECT_UI_STATIC_DIRECTORY": str(home / "ui"),
    }


def _send_what_waits() -> None:
    """Send events and log lines that are still in this process, while there is a server to take
    them."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=_DRAIN_SECONDS)
    APILogWorker.drain_all(timeout=_DRAIN_SECONDS)


def _start(home: Path) -> subprocess.Popen[bytes]:
    home.mkdir(
        parents=True,
        exist_ok=True,
        mode=0o700,
    )
    port = _usual_port(home)
    process = _launch(
        home,
        brief_server_command("127.0.0.1", port),
        _BRIEF | BRIEF_SERVER,
    )
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    return process


def show_history(home: Path, port: int) -> int:
    """Run a server with Prefect's UI over the history in `home`, on loopback, until it is
    interrupted."""
    prepare_environment(home)
    if not (Path(os.environ["PREFECT_HOME"]) / "prefect.db").exists():
        raise UsageError("there is no history of runs in this vault; run 'deidflow run' first")

    if not is_free("127.0.0.1", port):
        raise EnvironmentFault(f"port {port} is in use; name another one with --port")

    home, address = Path(os.environ["PREFECT_HOME"]), f"http://127.0.0.1:{port}"
    os.environ["PREFECT_API_URL"] = f"{address}/api"
    command = [*_server_command("127.0.0.1", port), "--no-services"]
    process = _launch(home, command, _with_ui(home))
    try:
        wait_until_ready(process)
        show_waiting(home, os.environ["PREFECT_API_URL"])
        print(f"Prefect UI: {address} (Ctrl-C ends it)", flush=True)
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        stop(process)


def _server_command(host: str, port: int) -> list[str]:
    command = [sys.executable, "-m", "prefect", "server", "start"]
    return [*command, "--host", host, "--port", str(port), "--log-level", "ERROR"]


def _launch(
    home: Path, command: Sequence[str], settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    with (home / "server.log").open("ab") as log:
        return subprocess.Popen(
            command,
            env=_server_environment(os.environ) | dict(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )


def _server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What the server may know: no variable of deidflow, since those name places."""
    return {name: value for name, value in environment.items() if not name.startswith("DEIDFLOW_")}


def is_reached() -> bool:
    """Whether the server answers now."""
    try:
        with httpx.Client(trust_env=False, timeout=5.0) as client:
            return client.get(f"{os.environ['PREFECT_API_URL']}/health").status_code == 200
    except httpx.HTTPError:
        return False


def wait_until_ready(process: subprocess.Popen[bytes] | None) -> None:
    """Wait for the server to answer; raises EnvironmentFault when it does not, or has ended."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        if is_reached():
            return
        time.sleep(0.05)
    raise EnvironmentFault("the Prefect server does not answer; see server.log in Prefect's home")


@contextmanager
def without_heartbeat() -> Iterator[None]:
    """Where the server ends with the run nobody would hear it, and each run would end on a full
    second for it."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def wait_for_rows(flow_run: object, expected: int) -> None:
    """Wait until the server has stored the end of every task: one that stops earlier loses the
    rest."""
    from prefect.client.orchestration import get_client

    ended = {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}}
    query = {"flow_runs": {"id": {"any_": [str(flow_run)]}}, "task_runs": ended}
    deadline = time.monotonic() + _DRAIN_SECONDS
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            answer = client.request(
                "POST",
                "/task_runs/count",
                json=query,
            )
            if answer.status_code != 200 or answer.json() >= expected:
                return
            time.sleep(0.1)


def _usual_port(home: Path) -> int:
    """The port of the run before, where it is free: workers of a cluster that outlive a run find
    the server again."""
    known = read_json(home / "port.json")
    port = known if isinstance(known, int) and is_free("127.0.0.1", known) else _free_port()
    if port != known:
        write_json_atomic(home / "port.json", port)
    return port


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there yet."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET,
            socket.SO_REUSEADDR,
            1,
        )
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process: asked first, killed after five seconds."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
