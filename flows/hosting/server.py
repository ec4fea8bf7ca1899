"""A Prefect server of our own for runs without one: it dies with us, and loses no row."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from deidflow.store.files import read_json, write_json_atomic
from flows.hosting.brief_server import BRIEF, start_brief_server
from flows.hosting.environment import prepare_environment
from flows.hosting.history import keep_history, provide_history
from flows.hosting.idle_rows import note_idle_run, show_waiting
from flows.hosting.lasting_server import served_at
from flows.hosting.server_process import is_reached, stop, wait_until_ready

_DRAIN_SECONDS = 60.0


def show_idle_run(home: Path, run_id: str) -> None:
    """A row for a run that had nothing to do: now where a server is at work, else with the next."""
    home = Path(os.environ.get("PREFECT_HOME", home))
    note_idle_run(home, run_id)
    api = os.environ.get("PREFECT_API_URL") or served_at(home)
    if api:
        show_waiting(home, api)


def _nothing() -> None:
    """For those who have nothing to do while a server starts."""


@contextmanager
def server(home: Path, meanwhile: Callable[[], None] = _nothing) -> Iterator[bool]:
    """Use the server of PREFECT_API_URL or of `deidflow serve`, or run one while the context is
    open; gives whether it is ours.

    Calls `meanwhile` while it starts. Raises EnvironmentFault where the server does not answer.
    """
    prepare_environment(home)
    home = Path(os.environ["PREFECT_HOME"])
    known = os.environ.get("PREFECT_API_URL") or served_at(home)
    process = None if known else _start(home)
    if known:
        os.environ["PREFECT_API_URL"] = known

    try:
        meanwhile()
        _make_ready(home, process)
        yield process is not None
    finally:
        if is_reached():
            _send_what_waits()
        if process is not None:
            _forget_server()
            stop(process)


def _make_ready(home: Path, process: BaseProcess | None) -> None:
    wait_until_ready(process)
    if process is not None:
        keep_history(home)
    show_waiting(home, os.environ["PREFECT_API_URL"])


def _start(home: Path) -> BaseProcess:
    home.mkdir(
        parents=True,
        exist_ok=True,
        mode=0o700,
    )
    provide_history(home)
    with _listener(home) as listener:
        port = listener.getsockname()[1]
        os.environ.update(BRIEF)
        os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
        return start_brief_server(home / "server.log", listener)


def _forget_server() -> None:
    """What was set for our own server holds for no other."""
    for name in ("PREFECT_API_URL", *BRIEF):
        os.environ.pop(name, None)


def _send_what_waits() -> None:
    """Send events and log lines that are still in this process, while there is a server to take
    them."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=_DRAIN_SECONDS)
    APILogWorker.drain_all(timeout=_DRAIN_SECONDS)


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


def _listener(home: Path) -> socket.socket:
    """A socket that listens on loopback, on the port of the run before where it is free: workers
    of a cluster that outlive a run find the server again."""
    known = read_json(home / "port.json")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(
        socket.SOL_SOCKET,
        socket.SO_REUSEADDR,
        1,
    )
    try:
        listener.bind(("127.0.0.1", known if isinstance(known, int) else 0))
    except (OSError, OverflowError):
        listener.bind(("127.0.0.1", 0))
    listener.listen()

    port = listener.getsockname()[1]
    if port != known:
        write_json_atomic(home / "port.json", port)
    return listener
