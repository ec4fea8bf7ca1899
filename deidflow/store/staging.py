"""The private folder from which finished outputs appear in a release, each by one rename."""

from __future__ import annotations

import os
import re
from pathlib import Path

from deidflow.store.files import remove_tree

_INSIDE = ".deidflow"
_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(rb"\\([0-7]{3})")

_OF_THE_FILE_SYSTEM = frozenset(
    ("lost+found", ".snapshot", ".Trashes", "System Volume Information")
)
"""Folders that file systems and storage systems put at the root of a volume."""


def staging_of(release: Path) -> Path:
    """The hidden staging folder on the file system of `release`.

    A sibling of the release; a folder inside it where no sibling can be renamed into it: the release
    is a mount point, or its parent cannot be written. Links in `release` are followed.
    """
    real = Path(os.path.realpath(release))
    if is_inside(real):
        return real / _INSIDE
    return real.with_name(f".{real.name}.deidflow")


def is_inside(release: Path) -> bool:
    """Whether the staging folder of `release` lies inside it."""
    real = Path(os.path.realpath(release))
    if not real.is_dir():
        return False
    return is_mount_point(real) or not os.access(real.parent, os.W_OK | os.X_OK)


def is_mount_point(folder: Path) -> bool:
    """Whether something is mounted on a resolved folder, a bind mount of the same file system too."""
    if os.path.ismount(folder):
        return True
    try:
        lines = _MOUNTS.read_bytes().splitlines()
    except OSError:
        return False
    # A bind mount has the device number of its parent; a rename into it fails nevertheless.
    points = (line.split(b" ")[4] for line in lines)
    return os.fsencode(folder) in {_OCTAL.sub(_character, point) for point in points}


def _character(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 8)])


def contents_of(release: Path) -> list[Path]:
    """What a release's folder holds, without staging and folders that the file system made."""
    if not release.is_dir():
        return []
    hidden = _OF_THE_FILE_SYSTEM | {_INSIDE}
    return sorted(path for path in release.iterdir() if path.name not in hidden)


def remove_staging(release: Path) -> None:
    """Remove the staging folder at the end, under its lock; a sibling stays while it holds sessions."""
    staging = staging_of(release)
    if is_inside(release):
        remove_tree(staging)
        return
    left = sorted(staging.iterdir()) if staging.is_dir() else []
    if [path.name for path in left if _holds_files(path)] in ([], ["lock"]):
        remove_tree(staging)


def _holds_files(path: Path) -> bool:
    if not path.is_dir():
        return True
    return any(names for _, _, names in os.walk(path))
