"""Exceptions of libraries and the system as errors in words, without a value of the data."""

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
    errno.EDQUOT: "the disk quota is used up (no space left on the disk for this user); "
    "free some and run again",
    errno.EROFS: "the release or vault is on a read-only file system; "
    "mount it writable and run again",
    errno.EMFILE: "too many open files; "
    "raise the limit (ulimit -n) or lower the workers, then run again",
    errno.ENFILE: "too many open files on this machine; "
    "end other programs or lower the workers, then run again",
    errno.EAGAIN: "the system starts no more processes; "
    "raise the limit (ulimit -u) or lower the workers",
    errno.EXDEV: "the release spans more than one file system; "
    "mount one file system for the whole folder",
    errno.ENOLCK: "the file system of release or vault has no locks; "
    "choose one that has, or mount it with locks",
    errno.EOPNOTSUPP: "the file system of release or vault lacks something deidflow needs "
    "(links, modes or locks); choose another",
}
"""Faults that stop the run, because the next subject would meet them too."""

_SHARE_AWAY = (
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EIO,
)
"""Errors of a network share that does not answer."""

_SUBJECT = {
    errno.ENOENT: Reason.SOURCE_CHANGED,
    errno.EACCES: Reason.NO_PERMISSION,
    errno.EPERM: Reason.NO_PERMISSION,
    errno.ENAMETOOLONG: Reason.NAME_TOO_LONG,
    errno.ENOMEM: Reason.OUT_OF_MEMORY,
    **dict.fromkeys(_SHARE_AWAY, Reason.UNREACHABLE),
}
_UNDECODABLE = (
    UnicodeError,
    zlib.error,
    EOFError,
    struct.error,
    binascii.Error,
    OSError,  # without a number: from a reader of a library such as gzip, Pillow or nibabel
)
_PROBE_BYTES = 1 << 16


def fault_of(error: BaseException) -> DeidflowError:
    """The error that corresponds to an exception.

    Something missing on the machine is an EnvironmentFault and stops the run; anything else is a
    StepFailed and costs one subject. Reason.UNEXPECTED remains for exceptions nobody thought of.
    """
    if isinstance(error, DeidflowError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return _fault_of_system(error.errno)
    if isinstance(error, sqlite3.Error):
        return _fault_of_database(error)
    return StepFailed(reason_of(error), type(error).__name__)


def _is_allocation(error: BaseException) -> bool:
    """Whether a C++ library reports that it could not allocate memory."""
    if not isinstance(error, RuntimeError):
        return False
    message = str(error)
    return "allocate memory" in message or "bad_alloc" in message


def _fault_of_system(number: int) -> DeidflowError:
    if number in _MACHINE:
        return EnvironmentFault(_MACHINE[number])
    if number in _SUBJECT:
        return StepFailed(_SUBJECT[number])
    name = errno.errorcode.get(number, str(number))
    return StepFailed(Reason.REFUSED_BY_SYSTEM, name)


def _fault_of_database(error: sqlite3.Error) -> EnvironmentFault:
    code_name = getattr(error, "sqlite_errorname", "")
    name = code_name or type(error).__name__
    if name.startswith("SQLITE_FULL"):
        return EnvironmentFault(_MACHINE[errno.ENOSPC])
    if name.startswith("SQLITE_READONLY"):
        return EnvironmentFault(_MACHINE[errno.EROFS])
    return EnvironmentFault(
        f"the vault's database cannot be used ({name}); check the vault's disk, then run again"
    )


def reason_of(error: BaseException) -> Reason:
    """Why an exception that is not a system error keeps a series or subject back."""
    if isinstance(error, MemoryError) or _is_allocation(error):
        return Reason.OUT_OF_MEMORY
    if isinstance(error, RecursionError):
        return Reason.TOO_DEEP
    if isinstance(error, subprocess.SubprocessError):
        return Reason.TOOL_FAILED
    if isinstance(error, _UNDECODABLE):
        return Reason.UNDECODABLE
    if isinstance(error, RuntimeError):
        return Reason.LIBRARY_FAILED
    return Reason.UNEXPECTED


def explanation(error: BaseException) -> tuple[str, int]:
    """One line for the user, and the exit code, of an exception that ends a command."""
    fault = fault_of(error)
    if isinstance(fault, StepFailed) and fault.reason is Reason.UNEXPECTED:
        message = f"unexpected {type(error).__name__}; please report it"
        return message, DeidflowError.exit_code
    return str(fault), fault.exit_code


def check_space(folder: Path, needed: int = 1 << 20) -> None:
    """Raise EnvironmentFault if `needed` bytes cannot be written: tools do not report that."""
    if shutil.disk_usage(folder).free < needed:
        raise EnvironmentFault(_MACHINE[errno.ENOSPC])

    # The figures of the file system do not include a quota.
    probe = folder / ".space.part"
    try:
        probe.write_bytes(bytes(_PROBE_BYTES))
    except OSError as error:
        raise fault_of(error) from None
    finally:
        probe.unlink(missing_ok=True)
