"""`deidflow receive`: studies that others store here gather and are handed on to the source."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from deidflow.pacs.handover import RunState, StartRun
    from deidflow.pacs.receiver import Received

_LOOK_SECONDS = 5.0


def receive(
    *,
    config: Path | None = None,
    seconds: float | None = None,
    run: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Receive studies by C-STORE until it is interrupted.

    An instance is acknowledged once it is on the disk. A study that has been quiet for
    'pacs.receive.quiet_minutes' is handed on to the source; what comes late is handed on as well.

    Parameters
    ----------
    config: YAML file with source, release, vault and the section 'pacs'.
    seconds: End after so long.
    run: Run the pipeline after studies were handed on, as 'deidflow run --config' does.
    """
    from deidflow.errors import UsageError
    from deidflow.pacs.handover import Follower, wait_for_complete
    from deidflow.pacs.receiver import Received, receiving
    from deidflow.pacs.spool import Spool
    from deidflow.settings.load import load_settings
    from deidflow.settings.pacs import required_receive
    from deidflow.store.process import stop_on_signals

    settings = load_settings({}, config)
    asked = required_receive(settings.pacs)
    if run and config is None:
        raise UsageError("--run needs the settings in a file; name it with --config")

    spool = Spool.of(settings)
    received = Received()
    follower = None
    if run and config is not None:
        follower = Follower(_pipeline(config), due=spool.has_handed_on())
    lines = _Lines(received, seconds)
    stop_on_signals()
    with (
        suppress(KeyboardInterrupt),
        receiving(settings.pacs, asked, spool, received),
    ):
        print(f"receiving as {settings.pacs.ae_title} on {asked.host}:{asked.port}", flush=True)
        wait_for_complete(
            spool,
            asked,
            follower,
            lines.tick,
            _LOOK_SECONDS,
        )
    lines.show()
    return 0


class _Lines:
    """A line whenever something has changed."""

    def __init__(self, received: Received, seconds: float | None) -> None:
        self._received = received
        self._end = None if seconds is None else time.monotonic() + seconds
        self._handed_on = 0
        self._shown = ""

    def tick(self, handed_on: int) -> bool:
        """Show what changed; whether to go on."""
        self._handed_on = handed_on
        self.show()
        return self._end is None or time.monotonic() < self._end

    def show(self) -> None:
        """Print the counts unless they were printed before."""
        counts = {**self._received.counts(), "studies handed on": self._handed_on}
        parts = [f"{words}: {count}" for words, count in counts.items()]
        line = "; ".join(parts)
        if line != self._shown:
            print(line, flush=True)
        self._shown = line


def _pipeline(config: Path) -> StartRun:
    """Starts `deidflow run` in a process of its own."""
    command = [
        sys.executable,
        "-c",
        "from deidflow.cli import main; main()",
        "run",
        "--config",
        str(config),
    ]

    def start() -> RunState:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        return lambda: process.poll() is not None

    return start
