"""A server, a worker, and three deployments: the nightly run, one subject again, verification."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from deidflow.errors import EnvironmentFault
from deidflow.release.layout import Layout
from deidflow.store.process import die_with_parent
from deidflow.store.scratch import private_folder
from flows.hosting.environment import prepare_environment
from flows.hosting.lasting_server import lasting_server
from flows.hosting.server_process import stop, wait_until_ready
from flows.hosting.site import Site

if TYPE_CHECKING:
    from flows.hosting.reception import Reception

POOL = "deidflow"
_POLL_SECONDS = 0.5


def serve(site: Site, cron: str, host: str, port: int) -> NoReturn:
    """Serve until a signal comes, or the server or the worker ends."""
    settings = site.settings()
    prepare_environment(Layout.of(settings).prefect_home)
    os.environ.setdefault(
        "PREFECT_WORKER_QUERY_SECONDS",
        "5",
    )
    os.umask(0o077)
    private_folder(settings.vault, "vault")
    home = private_folder(
        Path(os.environ["PREFECT_HOME"]),
        "folder of Prefect",
    )

    with _server(home, host, port) as server, _worker(home, site, cron) as worker:
        address = os.environ["PREFECT_API_URL"].removesuffix("/api")
        print(f"Prefect UI: {address} (Ctrl-C ends it)", flush=True)
        reception = _reception(site)
        while worker.poll() is None and (server is None or server.poll() is None):
            if reception is not None:
                reception.look()
            time.sleep(_POLL_SECONDS)
        raise EnvironmentFault(
            "the server or the worker ended; see server.log and worker.log in Prefect's home"
        )


def _reception(site: Site) -> Reception | None:
    """Who sees to it that studies are received, where the site asks for it."""
    if site.settings().pacs.receive is None:
        return None
    # Prefect reads its settings when it is imported.
    from flows.hosting.reception import Reception

    return Reception()


@contextmanager
def _server(home: Path, host: str, port: int) -> Iterator[subprocess.Popen[bytes] | None]:
    if os.environ.get("PREFECT_API_URL"):
        wait_until_ready(None)
        yield None
        return
    with lasting_server(home, host, port) as process:
        yield process


@contextmanager
def _worker(home: Path, site: Site, cron: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process worker of the pool, once pool, deployments and automation are there."""
    from flows.hosting.register_deployments import deploy

    deploy(site.settings(), cron, POOL)
    command = [
        sys.executable,
        "-m",
        "prefect",
        "worker",
        "start",
        "--pool",
        POOL,
        "--type",
        "process",
    ]
    with (home / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **site.variables()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process)
