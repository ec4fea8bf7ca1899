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
_PATIENCE_SECONDS = 0.3
"""`is_held` takes the lock for a moment; that is no reason to give up."""


@contextmanager
def held(path: Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path` exclusively.

    If another process holds it, waits, or raises ReleaseBusy, which calls it `what`.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (descriptor := _acquired(path)) is None:
        if not wait and time.monotonic() > deadline:
            raise ReleaseBusy(f"another run is at work on this {what}; wait for it to end")
        time.sleep(_POLL_SECONDS)

    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_file(path: Path) -> Iterator[int]:
    """The descriptor of a private file to which lines are added, for one process at a time."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquired(path: Path) -> int | None:
    """The descriptor of the locked file; None if another process holds it."""
    path.parent.mkdir(
        parents=True,
        exist_ok=True,
        mode=0o700,
    )
    descriptor = os.open(
        path,
        os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
        0o600,
    )

    try:
        if _is_locked_now(descriptor) and _names_open_file(path, descriptor):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _names_open_file(path: Path, descriptor: int) -> bool:
    """Whether the path still names the open file: a run that ends removes its staging folder."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _is_locked_now(descriptor: int) -> bool:
    """Try to lock without blocking, so that signals can end a wait; whether it worked."""
    try:
        fcntl.flock(
            descriptor,
            fcntl.LOCK_EX | fcntl.LOCK_NB,
        )
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether any process holds the lock file `path` now."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _is_locked_now(descriptor)
    finally:
        os.close(descriptor)
