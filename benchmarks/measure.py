"""CPU and wall time of a command with all its processes, orphans too."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU and wall, and the peak MiB of the largest process."""

    cpu: float
    wall: float
    peak: float


def cost(command: Sequence[object], accepted: Sequence[int] = (0, 4)) -> Cost:
    """Run a command; raises SystemExit where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder) / "cost"
        process = os.fork()
        if not process:
            _measured(command, accepted, note)
        _, status = os.waitpid(process, 0)
        if os.waitstatus_to_exitcode(status):
            raise SystemExit(f"the command failed: {command[0]}")
        return Cost(*map(float, note.read_text().split()))


def _measured(command: Sequence[object], accepted: Sequence[int], note: Path) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    start = time.monotonic()
    code = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        check=False,
    ).returncode

    wall = time.monotonic() - start
    try:
        while True:
            os.wait()
    except ChildProcessError:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    note.write_text(f"{used.ru_utime + used.ru_stime} {wall} {used.ru_maxrss / 1024}")
    os._exit(0 if code in accepted else 1)
