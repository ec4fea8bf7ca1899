"""Servers with Prefect's pages: that of `deidflow serve`, and that of `deidflow ui`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deidflow.errors import EnvironmentFault, UsageError
from deidflow.store.files import read_json, write_json_atomic
from deidflow.store.locks import held, is_held
from deidflow.store.process import die_with_parent
from flows.hosting.environment import LOGGED, prepare_environment, without_places
from flows.hosting.history import history_file, keep_history, provide_history
from flows.hosting.idle_rows import show_waiting
from flows.hosting.server_process import is_free, stop, wait_until_ready

_LASTING = {"PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs"}


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
        provide_history(home)
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
            keep_history(home)
            show_waiting(home, os.environ["PREFECT_API_URL"])
            yield process
        finally:
            (home / "server.json").unlink(missing_ok=True)
            stop(process)


def show_history(home: Path, port: int) -> int:
    """Run a server with Prefect's UI over the history in `home`, on loopback, until it is
    interrupted."""
    prepare_environment(home)
    if not history_file(Path(os.environ["PREFECT_HOME"])).exists():
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


def _with_ui(home: Path) -> dict[str, str]:
    """The pages ask the place that they came from, whatever name it was called by."""
    return {
        "PREFECT_UI_ENABLED": "1",
        "PREFECT_UI_API_URL": "/api",
        "PREFECT_UI_STATIC_DIRECTORY": str(home / "ui"),
    }


def _server_command(host: str, port: int) -> list[str]:
    command = [sys.executable, "-m", "prefect", "server", "start"]
    return [*command, "--host", host, "--port", str(port), "--log-level", "ERROR"]


def _launch(
    home: Path, command: Sequence[str], settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    with (home / "server.log").open("ab") as log:
        return subprocess.Popen(
            command,
            env=without_places(os.environ) | LOGGED | dict(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
