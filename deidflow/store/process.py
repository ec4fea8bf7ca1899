"""Processes that die with their parent and stay below a memory limit."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deidflow.errors import EnvironmentFault

_PR_SET_PDEATHSIG = 1
_WORKERS_SHARE = 0.8
"""Part of the machine's memory that the workers may use together."""
LEAST_MEMORY = 2 << 30
"""Bytes that a worker may use in any case."""
MEMORY_EXIT = 77
"""Exit code of a worker that reached its memory limit."""


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux only)."""
    try:
        ctypes.CDLL(None).prctl(
            _PR_SET_PDEATHSIG,
            signal.SIGKILL,
        )
    except (AttributeError, OSError):
        return


def stop_on_signals() -> None:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt; a background job would ignore SIGINT."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def limit_memory(limit: int) -> None:
    """Bound the private memory of this process to `limit` bytes."""
    if limit > 0:
        resource.setrlimit(
            resource.RLIMIT_DATA,
            (limit, limit),
        )


def memory_for(workers: int) -> int:
    """Bytes of memory for each of `workers`, at least 2 GiB."""
    share = _WORKERS_SHARE * machine_memory() / workers
    return max(LEAST_MEMORY, int(share))


def machine_memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def run_tool(command: Sequence[str], log: Path) -> int:
    """Run a tool that dies with this process; returns its exit code.

    Its output is appended to `log`, a file in the vault. Raises EnvironmentFault if the tool cannot
    be started.
    """
    with log.open("ab") as output:
        try:
            finished = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent,
                check=False,
            )
        except (FileNotFoundError, PermissionError):
            name = Path(command[0]).name
            raise EnvironmentFault(
                f"{name} cannot be started; check that it is installed and executable"
            ) from None
    return finished.returncode
