"""The server of one run. It is forked from the run, so that Prefect is loaded once for both."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

from deidflow.store.children import without_main
from deidflow.store.imports import loading
from deidflow.store.process import die_with_parent
from flows.hosting.environment import LOGGED, without_places
from flows.hosting.prefect_private import BRIEF_SERVER, SERVER_APPLICATION

BRIEF = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "0",
    # Automations and streams are for those who watch, at a server that lasts.
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "0",
    "PREFECT_SERVER_EVENTS_STREAM_OUT_ENABLED": "0",
    "PREFECT_SERVER_LOGS_STREAM_OUT_ENABLED": "0",
    # Both ends are this program, over plain HTTP on loopback: there is no other page whose
    # requests to refuse, no other version to compare, and no certificate to check.
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "0",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "0",
    "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "1",
}
"""Settings of Prefect that make a server which lasts as long as one run."""
_LAST_ANSWERS_SECONDS = 2
_FIRST_INHERITED = 3
"""Files of the run from here on are none of the server's: locks would outlive the run."""


def start_brief_server(log: Path, listener: socket.socket) -> BaseProcess:
    """Start a server on a listening socket; it dies with this process.

    Who asks before it is ready waits for its answer, or hears that it has died: the caller must
    close its own copy of the socket.

    Prefect reads its settings when it is loaded. Where that was done before, with whatever
    settings, the server gets an interpreter of its own.
    """
    if "prefect" in sys.modules:
        context: multiprocessing.context.BaseContext = multiprocessing.get_context("spawn")
    else:
        context = multiprocessing.get_context("fork")
        _load_client()

    process = context.Process(  # type: ignore[attr-defined]
        target=_serve,
        args=(str(log), listener),
        daemon=True,
    )
    with without_main():
        process.start()
    return process  # type: ignore[no-any-return]


def _load_client() -> None:
    """What run and server both need of Prefect."""
    with loading():
        import prefect.client.orchestration
        import prefect.flow_engine
        import prefect.task_engine  # noqa: F401


def _serve(log: str, listener: socket.socket) -> None:
    die_with_parent()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _leave_files_of_the_run(log, listener.fileno())
    environment = without_places(os.environ) | BRIEF_SERVER | LOGGED
    os.environ.clear()
    os.environ.update(environment)

    with loading():
        import uvicorn
        from prefect.server.api.server import create_app  # noqa: F401 - loaded here

        config = uvicorn.Config(
            SERVER_APPLICATION,
            factory=True,
            log_level="error",
            lifespan="on",
            timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
        )
        config.load()
    uvicorn.Server(config).run(sockets=[listener])


def _leave_files_of_the_run(log: str, kept: int) -> None:
    """Close what was inherited but one file, and print only into the log.

    By streams of its own: a thread of the run may have held those of the run when it was forked.
    """
    os.closerange(_FIRST_INHERITED, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    for stream in (1, 2):
        os.dup2(written, stream)
    sys.stdout = sys.stderr = os.fdopen(
        written,
        "a",
        buffering=1,
        encoding="utf-8",
        errors="replace",
    )
