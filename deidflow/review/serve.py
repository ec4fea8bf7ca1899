"""Serves the page on loopback until nobody has used it for a while."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from deidflow.errors import EnvironmentFault
from deidflow.review.app import Door, create_app
from deidflow.review.desk import Desk

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Hours:
    """How long the page stays open."""

    idle_seconds: float = 1800.0
    port: int = 0
    """0 takes a free one."""


class Clock:
    """When the page was used last."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def touch(self) -> None:
        """It is used now."""
        self._last = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """Seconds since."""
        return time.monotonic() - self._last


def serve(desk: Desk, who: str, hours: Hours, opened: Callable[[str], None]) -> None:
    """Serve until idle, or until a signal; `opened` gets the address with its token.

    Raises EnvironmentFault where the port is taken.
    """
    listener = _listen(hours.port)
    port = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    hosts = frozenset((f"{LOOPBACK}:{port}", f"localhost:{port}"))
    clock = Clock()
    app = create_app(
        desk,
        who,
        Door(token, hosts),
        clock.touch,
    )
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    threading.Thread(
        target=_close_when_idle,
        args=(server, clock, hours),
        daemon=True,
    ).start()
    preparing = threading.Thread(
        target=_prepare,
        args=(desk, server),
    )
    preparing.start()
    opened(f"http://{LOOPBACK}:{port}/#{token}")

    try:
        server.run(sockets=[listener])
    finally:
        # An imaging library that is at work must not outlive the interpreter.
        server.should_exit = True
        preparing.join()
        desk.close()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(
        socket.SOL_SOCKET,
        socket.SO_REUSEADDR,
        1,
    )
    try:
        listener.bind((LOOPBACK, port))
        # Connections wait from here on: the address may be used before the server is up.
        listener.listen()
    except OSError as error:
        listener.close()
        raise EnvironmentFault(f"port {port} cannot be opened: {error.strerror}") from None
    return listener


def _close_when_idle(server: uvicorn.Server, clock: Clock, hours: Hours) -> None:
    while clock.idle_seconds < hours.idle_seconds:
        time.sleep(min(_POLL_SECONDS, hours.idle_seconds / 4))
    server.should_exit = True


def _prepare(desk: Desk, server: uvicorn.Server) -> None:
    """Make the pictures of cases before somebody asks for them, then those from all sides."""
    for make in (desk.card, desk.turned):
        for case in desk.cases():
            if server.should_exit:
                return
            with contextlib.suppress(OSError):
                make(case)
