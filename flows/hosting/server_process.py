"""Servers of Prefect: whether they answer, and how those of ours end."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess

import httpx

from deidflow.errors import EnvironmentFault

ServerProcess = subprocess.Popen[bytes] | BaseProcess
_START_SECONDS, _STOP_SECONDS = 180.0, 5.0
_POLL_SECONDS = 0.05
_ANSWER_SECONDS = 5.0


def is_reached() -> bool:
    """Whether the server answers now."""
    with _client() as client:
        return _answers(client)


def _client() -> httpx.Client:
    """Certificates are loaded where there is one to check: that takes longer than the question."""
    address = os.environ["PREFECT_API_URL"]
    return httpx.Client(
        base_url=address,
        trust_env=False,
        verify=address.startswith("https:"),
        timeout=_ANSWER_SECONDS,
    )


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.HTTPError:
        return False


def wait_until_ready(process: ServerProcess | None) -> None:
    """Wait for the server to answer; raises EnvironmentFault when it does not, or has ended."""
    deadline = time.monotonic() + _START_SECONDS
    # A new client each time would cost more than the question.
    with _client() as client:
        while time.monotonic() < deadline and (process is None or not has_ended(process)):
            if _answers(client):
                return
            time.sleep(_POLL_SECONDS)
    raise EnvironmentFault("the Prefect server does not answer; see server.log in Prefect's home")


def has_ended(process: ServerProcess) -> bool:
    """Whether a server that was started here runs no more."""
    if isinstance(process, BaseProcess):
        return not process.is_alive()
    return process.poll() is not None


def stop(process: ServerProcess) -> None:
    """End a process: asked first, killed after five seconds."""
    process.terminate()
    if not _ends_within(process, _STOP_SECONDS):
        process.kill()
        _ends_within(process, None)


def _ends_within(process: ServerProcess, seconds: float | None) -> bool:
    if isinstance(process, BaseProcess):
        return _fork_ends_within(process, seconds)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.poll() is not None


def _fork_ends_within(process: BaseProcess, seconds: float | None) -> bool:
    """`join` would wait for good: a server has closed the pipe that tells of its end."""
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    while process.is_alive() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return not process.is_alive()


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
