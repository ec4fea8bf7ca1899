"""Locks that the kernel releases when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deidflow.errors import ReleaseBusy

_POLL_SECONDS = 0.1
_LOOK_SECONDS = 0.3
"""`is_held` has the lock for a moment; that is no reason to give up."""


@contextmanager
def held(path: Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path` exclusively; where another process has it, wait or raise ReleaseBusy."""
    descriptor = _opened(path)
    try:
        deadline = time.monotonic() + _LOOK_SECONDS
        while not _taken(descriptor) or not _is_there(path, descriptor):
            if not _is_there(path, descriptor):
                os.close(descriptor)
                descriptor = _opened(path)
                continue
            if not wait and time.monotonic() > deadline:
                raise ReleaseBusy(f"another run is at work on this {what}; wait for it to end")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_there(path: Path, descriptor: int) -> bool:
    """Whether the open file still is the one at `path`: its last holder may have removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _taken(descriptor: int) -> bool:
    """Try once, and again and again rather than blocked: a signal must be able to end the waiting."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether some process holds the lock file `path` now."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _taken(descriptor)
    finally:
        os.close(descriptor)
