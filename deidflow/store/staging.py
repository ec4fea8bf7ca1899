"""The private folder from which finished outputs appear in a release, each by one rename."""

from __future__ import annotations

import os
import re
from pathlib import Path

from deidflow.store.files import remove_tree

_INSIDE = ".deidflow"
_MOUNT_TABLE = Path("/proc/self/mountinfo")
_MOUNT_POINT_FIELD = 4
"""Column of a mount point in the table (proc(5))."""
_OCTAL_ESCAPE = re.compile(rb"\\([0-7]{3})")
_SYSTEM_FOLDERS = frozenset(("lost+found", ".snapshot", ".Trashes", "System Volume Information"))
"""Folders that file systems and storage systems put at the root of a volume."""


def staging_of(release: Path) -> Path:
    """The hidden staging folder on the file system of `release`.

    A sibling of the release, or a folder inside it if a sibling could not be renamed into it: the
    release is a mount point, or its parent is not writable. Links in `release` are followed.
    """
    folder = Path(os.path.realpath(release))
    if is_inside(folder):
        return folder / _INSIDE
    return folder.with_name(f".{folder.name}.deidflow")


def is_inside(release: Path) -> bool:
    """Whether the staging folder of `release` is inside it."""
    folder = Path(os.path.realpath(release))
    if not folder.is_dir():
        return False
    if is_mount_point(folder):
        return True
    return not os.access(folder.parent, os.W_OK | os.X_OK)


def is_mount_point(folder: Path) -> bool:
    """Whether something is mounted on a resolved folder, bind mounts included."""
    if os.path.ismount(folder):
        return True
    # A bind mount has the device number of its parent; a rename into it fails nevertheless.
    return os.fsencode(folder) in _mount_points()


def _mount_points() -> set[bytes]:
    """The mount points that the kernel lists; empty on systems without such a list."""
    try:
        table = _MOUNT_TABLE.read_bytes()
    except OSError:
        return set()

    points: set[bytes] = set()
    for line in table.splitlines():
        escaped = line.split(b" ")[_MOUNT_POINT_FIELD]
        points.add(_OCTAL_ESCAPE.sub(_unescaped, escaped))
    return points


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 8)
    return bytes([code])


def contents_of(release: Path) -> list[Path]:
    """What a release's folder contains, except staging and folders of the file system."""
    if not release.is_dir():
        return []
    hidden = _SYSTEM_FOLDERS | {_INSIDE}
    return sorted(path for path in release.iterdir() if path.name not in hidden)


def remove_staging(release: Path) -> None:
    """Remove the staging folder at the end, under its lock; a sibling with sessions in it stays."""
    staging = staging_of(release)
    if is_inside(release) or not _holds_sessions(staging):
        remove_tree(staging)


def _holds_sessions(staging: Path) -> bool:
    """Whether a staging folder contains files other than its lock."""
    if not staging.is_dir():
        return False
    others = [path for path in staging.iterdir() if path.name != "lock"]
    return any(_holds_files(path) for path in others)


def _holds_files(path: Path) -> bool:
    if not path.is_dir():
        return True
    return any(names for _, _, names in os.walk(path))
