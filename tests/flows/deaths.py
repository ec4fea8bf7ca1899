"""What a step can meet, for working processes: each takes the place of a step's function."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from typing import Any


def killed(*_: Any) -> None:
    """What the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def segfault(*_: Any) -> None:
    """What a codec does with a file that it does not understand."""
    ctypes.string_at(0)


def memory(*_: Any) -> None:
    """More than the limit of a working process."""
    raise MemoryError


def full_disk(*_: Any) -> None:
    """No space left, where the message names a file of Xaver."""
    raise OSError(errno.ENOSPC, "No space left on device", "/data/Xaver 1/x.dcm")


def read_only(*_: Any) -> None:
    """A release that turned read-only."""
    raise OSError(errno.EROFS, "Read-only file system", "/data/Xaver 1/x.dcm")


def unexpected(*_: Any) -> None:
    """An error of a library whose message holds a name."""
    raise ValueError("cannot read Person1^Xaver")
