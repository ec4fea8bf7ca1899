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
    deadline = time.monotonic() + _LOOK_SECONDS
    while (descriptor := _acquired(path)) is None:
        if not wait and time.monotonic() > deadline:
            raise ReleaseBusy(f"another run is at work on this {what}; wait for it to end")
        time.sleep(_POLL_SECONDS)

    try:
        yield
    finally:
        os.close(descriptor)


def _acquired(path: Path) -> int | None:
    """The descriptor of the locked file; None where another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if _taken(descriptor) and _is_the_file(descriptor, path):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_the_file(descriptor: int, path: Path) -> bool:
    """Whether the path still names the open file: a run that ends removes its staging folder."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
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
