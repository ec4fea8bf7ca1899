"""Exceptions of libraries and the operating system as errors in words, without a value of the data."""

from __future__ import annotations

import binascii
import errno
import shutil
import sqlite3
import struct
import subprocess
import zlib
from pathlib import Path

from deidflow.errors import DeidflowError, EnvironmentFault, StepFailed
from deidflow.verdicts import Reason

_MACHINE = {
    errno.ENOSPC: "no space left on the disk; free some and run again",
    errno.EDQUOT: "the disk quota is used up (no space left on the disk for this user); free some and run again",
    errno.EROFS: "the release or vault is on a read-only file system; mount it writable and run again",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n) or lower the workers, then run again",
    errno.ENFILE: "too many open files on this machine; end other programs or lower the workers, then run again",
    errno.EAGAIN: "the system starts no more processes; raise the limit (ulimit -u) or lower the workers",
    errno.EXDEV: "the release lies on more than one file system; mount one file system for the whole folder",
    errno.ENOLCK: "the file system of release or vault has no locks; choose one that has, or mount it with locks",
    errno.EOPNOTSUPP: "the file system of release or vault lacks something deidflow needs (links, modes or locks); "
    "choose another",
}
"""What stops the run: the next subject would meet it too."""

_AWAY = (
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EIO,
)
"""What a network share says while it is away."""

_SUBJECT = {
    errno.ENOENT: Reason.SOURCE_CHANGED,
    errno.EACCES: Reason.NO_PERMISSION,
    errno.EPERM: Reason.NO_PERMISSION,
    errno.ENAMETOOLONG: Reason.NAME_TOO_LONG,
    errno.ENOMEM: Reason.OUT_OF_MEMORY,
    **dict.fromkeys(_AWAY, Reason.UNREACHABLE),
}
_UNDECODABLE = (UnicodeError, zlib.error, EOFError, struct.error, binascii.Error)


def fault_of(error: BaseException) -> DeidflowError:
    """The error that an exception stands for.

    What the machine lacks is an EnvironmentFault and stops the run; all else is a StepFailed and costs
    one subject. Reason.UNEXPECTED is left for exceptions that nobody thought of.
    """
    if isinstance(error, DeidflowError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return _of_number(error.errno)
    if isinstance(error, sqlite3.Error):
        return _of_database(error)
    return StepFailed(reason_of(error), type(error).__name__)


def _is_allocation(error: BaseException) -> bool:
    """Whether a library written in C++ says that it got no memory."""
    text = str(error)
    return isinstance(error, RuntimeError) and ("allocate memory" in text or "bad_alloc" in text)


def _of_number(number: int) -> DeidflowError:
    if number in _MACHINE:
        return EnvironmentFault(_MACHINE[number])
    if number in _SUBJECT:
        return StepFailed(_SUBJECT[number])
    return StepFailed(Reason.REFUSED_BY_SYSTEM, errno.errorcode.get(number, str(number)))


def _of_database(error: sqlite3.Error) -> DeidflowError:
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if name.startswith("SQLITE_FULL"):
        return EnvironmentFault(_MACHINE[errno.ENOSPC])
    if name.startswith("SQLITE_READONLY"):
        return EnvironmentFault(_MACHINE[errno.EROFS])
    return EnvironmentFault(
        f"the vault's database cannot be used ({name}); check the vault's disk, then run again"
    )


def reason_of(error: BaseException) -> Reason:
    """Why an exception that is not of the operating system keeps a series or subject back."""
    if isinstance(error, MemoryError) or _is_allocation(error):
        return Reason.OUT_OF_MEMORY
    if isinstance(error, RecursionError):
        return Reason.TOO_DEEP
    if isinstance(error, subprocess.SubprocessError):
        return Reason.TOOL_FAILED
    # An OSError without a number comes from a library's reader: gzip, Pillow, nibabel.
    if isinstance(error, (*_UNDECODABLE, OSError)):
        return Reason.UNDECODABLE
    if isinstance(error, RuntimeError):
        return Reason.LIBRARY_FAILED
    return Reason.UNEXPECTED


def explanation(error: BaseException) -> tuple[str, int]:
    """One line for the user, and the exit code, of an exception that ends a command."""
    fault = fault_of(error)
    if isinstance(fault, StepFailed) and fault.reason is Reason.UNEXPECTED:
        return f"unexpected {type(error).__name__}; please report it", 1
    return str(fault), fault.exit_code


def check_space(folder: Path, needed: int = 1 << 20) -> None:
    """Raise EnvironmentFault where `needed` bytes cannot be written: tools do not say so themselves."""
    if shutil.disk_usage(folder).free < needed:
        raise EnvironmentFault(_MACHINE[errno.ENOSPC])

    # A quota is not in the figures of the file system.
    probe = folder / ".space.part"
    try:
        probe.write_bytes(bytes(_PROBE_BYTES))
    except OSError as error:
        raise fault_of(error) from None
    finally:
        probe.unlink(missing_ok=True)


_PROBE_BYTES = 1 << 16
