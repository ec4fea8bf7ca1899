"""The server of one run. It is forked from the run, so that Prefect is loaded once for both."""

from __future__ import annotations

import multiprocessing
import os
import signal
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
}
"""Settings of Prefect that make a server which lasts as long as one run."""
_FIRST_INHERITED = 3
"""Files of the run from here on are none of the server's: locks would outlive the run."""


def start_brief_server(log: Path, port: int) -> BaseProcess:
    """Start a server on loopback; it dies with this process.

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
        args=(str(log), port),
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


def _serve(log: str, port: int) -> None:
    die_with_parent()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _leave_files_of_the_run(log)
    environment = without_places(os.environ) | BRIEF_SERVER | LOGGED
    os.environ.clear()
    os.environ.update(environment)

    with loading():
        import uvicorn
        from prefect.server.api.server import create_app  # noqa: F401 - loaded here

    uvicorn.run(
        SERVER_APPLICATION,
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="on",
    )


def _leave_files_of_the_run(log: str) -> None:
    """Close what was inherited, and print only into the log.

    By streams of its own: a thread of the run may have held those of the run when it was forked.
    """
    os.closerange(_FIRST_INHERITED, os.sysconf("SC_OPEN_MAX"))
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
