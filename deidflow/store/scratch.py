"""Folders with their modes, and the clean-up of what a killed run left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deidflow.errors import EnvironmentFault
from deidflow.store.files import remove_tree

PRIVATE_FOLDER_MODE = 0o700
PUBLIC_FOLDER_MODE = 0o755
PUBLIC_FILE_MODE = 0o644
_PRIVATE_UMASK = 0o077


def private_folder(path: Path, what: str) -> Path:
    """Make a folder with mode 0700; raises EnvironmentFault, which calls it `what`, on failure."""
    try:
        path.mkdir(
            parents=True,
            exist_ok=True,
            mode=PRIVATE_FOLDER_MODE,
        )
        path.chmod(PRIVATE_FOLDER_MODE)
    except OSError as error:
        raise _not_writable(what, error.strerror) from None

    return _checked_writable(path, what)


def public_folder(path: Path, what: str) -> Path:
    """Make a folder with mode 0755; one that exists, whoever owns it, is left as it is.

    Raises EnvironmentFault, which calls it `what`, if it cannot be made or written.
    """
    try:
        if not path.is_dir():
            path.mkdir(parents=True, mode=PUBLIC_FOLDER_MODE)
            path.chmod(PUBLIC_FOLDER_MODE)
    except OSError as error:
        raise _not_writable(what, error.strerror) from None

    return _checked_writable(path, what)


def _checked_writable(path: Path, what: str) -> Path:
    if not os.access(path, os.W_OK | os.X_OK):
        raise _not_writable(what, "Permission denied")
    return path


def _not_writable(what: str, cause: str | None) -> EnvironmentFault:
    return EnvironmentFault(f"the {what} cannot be written: {cause}; check path and permissions")


def sweep(root: Path) -> None:
    """Remove scratch folders and half-written files that a killed run left below `root`."""
    for folder, folders, names in os.walk(root):
        for name in list(folders):
            if name.endswith(".scratch"):
                remove_tree(Path(folder, name))
                folders.remove(name)

        for name in names:
            if name.startswith(".") and name.endswith(".part"):
                Path(folder, name).unlink(missing_ok=True)


def make_readable(root: Path) -> None:
    """Give folders and files of a future release their modes, before signatures are recorded."""
    for folder, _, names in os.walk(root):
        Path(folder).chmod(PUBLIC_FOLDER_MODE)
        for name in names:
            Path(folder, name).chmod(PUBLIC_FILE_MODE)


@contextmanager
def private_files() -> Iterator[None]:
    """What this process writes is for its user only, unless it says otherwise."""
    before = os.umask(_PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(before)
