"""Pictures of the Prefect UI for the documentation: the demo is served, and headless Chromium looks
at it.

.venv/bin/python docs/make_screens.py [FOLDER]
"""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.conftest import command_line
from tests.flows.conftest import Served, free_port, serving

_WIDTH, _HEIGHT, _LOAD_SECONDS = 1440, 1150, 6.0


class Browser:
    """One page of a headless Chromium, asked by its debugging protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    def ask(self, method: str, **parameters: Any) -> Any:
        """Call a method and wait for its result; what the browser tells meanwhile is dropped."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (message := json.loads(self._socket.recv())).get("id") != number:
            continue
        return message["result"]

    def picture(self, address: str, path: Path) -> None:
        """Open a page, give it time to load, and keep what it shows."""
        self.ask("Page.navigate", url=address)
        time.sleep(_LOAD_SECONDS)
        shown = self.ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shown["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium that knows nothing and asks nobody but the page."""
    port = free_port()
    quiet = [
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            *quiet,
            f"--user-data-dir={profile}",
        ]
        command += [
            f"--remote-debugging-port={port}",
            f"--window-size={_WIDTH},{_HEIGHT}",
            "about:blank",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(_page(port), max_size=None) as socket:
                yield Browser(socket)
        finally:
            process.kill()
            process.wait()


def _page(port: int) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            pages = httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json()
            return next(
                str(page["webSocketDebuggerUrl"]) for page in pages if page["type"] == "page"
            )
        except (httpx.HTTPError, StopIteration):
            time.sleep(0.2)
    raise SystemExit("Chromium does not start")


def take(served: Served, folder: Path) -> None:
    """Runs, one run, the form filled in, and what came of it."""
    night = served.api.start("nightly")
    served.api.ended(night, 300)
    asked = {
        "pseudonym": "P002",
        "redo_from": "deface",
        "level": "high",
        "reason": "looked at and not good enough",
    }
    form = served.api.deployment("reprocess-subject")["id"]
    with browser() as page:
        page.picture(f"{served.address}/runs/flow-run/{night}", folder / "screen_run.png")
        filled = quote(json.dumps(asked))
        page.picture(
            f"{served.address}/deployments/deployment/{form}/run?parameters={filled}",
            folder / "screen_form.png",
        )
        again = served.api.start("reprocess-subject", **asked)
        served.api.ended(again, 300)
        page.picture(f"{served.address}/runs/flow-run/{again}", folder / "screen_again.png")
        page.picture(f"{served.address}/runs", folder / "screen_runs.png")


def main() -> None:
    """Serve the demo, work on it, and take the pictures."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        root = Path(place) / "demo"
        if command_line("demo", root, PREFECT_HOME="").returncode:
            raise SystemExit("the demo did not come out as planned")
        with serving(root, "level: high\n") as served:
            take(served, folder)


if __name__ == "__main__":
    main()
