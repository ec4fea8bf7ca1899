"""Private folders and the clean-up of what a killed run left."""

from __future__ import annotations

import os
from pathlib import Path

from deidflow.errors import EnvironmentFault
from deidflow.store.files import remove_tree


def private_folder(path: Path, what: str) -> Path:
    """Make a folder with mode 0700; raises EnvironmentFault where that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
    except OSError as error:
        raise EnvironmentFault(
            f"the {what} cannot be written: {error.strerror}; check place and permissions"
        ) from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise EnvironmentFault(
            f"the {what} cannot be written: Permission denied; check place and permissions"
        )
    return path


def public_folder(path: Path, what: str) -> Path:
    """Make a folder with mode 0755; one that is there, of whatever owner, is left as it is.

    Raises EnvironmentFault where it cannot be made or written.
    """
    try:
        if not path.is_dir():
            path.mkdir(parents=True, mode=0o755)
            path.chmod(0o755)
    except OSError as error:
        raise EnvironmentFault(
            f"the {what} cannot be written: {error.strerror}; check place and permissions"
        ) from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise EnvironmentFault(
            f"the {what} cannot be written: Permission denied; check place and permissions"
        )
    return path


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
    """Give folders and files of a future release their modes; before their signatures are recorded."""
    for folder, _, names in os.walk(root):
        Path(folder).chmod(0o755)
        for name in names:
            Path(folder, name).chmod(0o644)
