"""A server of a run that does not end when it is asked is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from flows.hosting import server_process
from flows.hosting.server_process import stop


def stubborn(ready: Path) -> None:
    """As a server closes what it inherited, but deaf."""
    os.closerange(3, 1024)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready.touch()
    time.sleep(60)


def test_it_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_process, "_STOP_SECONDS", 0.2)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=stubborn, args=(tmp_path / "ready",))
    process.start()
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)

    began = time.monotonic()
    stop(process)

    assert time.monotonic() - began < 30
    assert process.exitcode == -signal.SIGKILL
