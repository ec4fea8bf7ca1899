"""Finds every file of a source, or of the files and folders of it that are named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from deidflow.dicom.inventory import Entry, failed
from deidflow.verdicts import Reason, Verdict


class Found(NamedTuple):
    """A regular file below the source: its locator (path relative to the source) and signature."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @property
    def signature(self) -> tuple[int, int, int, int]:
        """Equal as long as the file was not touched."""
        return self.size, self.mtime_ns, self.ctime_ns, self.inode


def walk(source: Path, named: Sequence[str] = ()) -> Iterator[Found | Entry]:
    """Every regular file below `source`, in a fixed order; links are not followed.

    Only files and folders that are `named`, where any are. A folder that cannot be opened comes as
    a failed entry of its own, so that it is not lost.
    """
    unreadable: list[str] = []
    working: list[str] = []
    folders = [name for name in named if (source / name).is_dir()]
    for name in sorted(set(named).difference(folders)):
        if not any(_is_inside(name, folder) for folder in folders):
            yield from _found(name, source / name)

    starts = [folder for folder in folders if not any(_is_inside(folder, one) for one in folders)]
    for start in starts if named else [""]:
        below = files_below(
            source,
            unreadable,
            working,
            "" if start == "." else start,
        )
        for path, entry in below:
            yield from _found(path, entry)

    for path in unreadable:
        yield failed(path, Reason.UNREADABLE)
    for path in working:
        yield failed(
            path,
            Reason.WORKING_FOLDER,
            Verdict.SKIPPED,
        )


def is_named(path: str, named: Sequence[str]) -> bool:
    """Whether a path is one of those named or below one; without any, each path is."""
    if not named or path in named:
        return True
    return any(_is_inside(path, name) for name in named)


def _is_inside(name: str, folder: str) -> bool:
    """Whether a named path is below another one."""
    if name == folder:
        return False
    return folder == "." or name.startswith(f"{folder}/")


def _found(path: str, entry: os.DirEntry[str] | Path) -> Iterator[Found | Entry]:
    """A file that exists; a failed entry for one that cannot be looked at."""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        yield failed(path, Reason.UNREADABLE)
        return
    yield Found(
        path=path,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
    )


def is_working_folder(name: str) -> bool:
    """Whether a folder of this name is one in which deidflow stages outputs (`.OUT.deidflow`)."""
    return name.startswith(".") and name.endswith(".deidflow")


def files_below(
    source: Path, unreadable: list[str], working: list[str], start: str = ""
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Path below `source` and entry of every regular file in the folder `start`, in a fixed order.

    Links are not followed. Folders that cannot be opened are added to `unreadable`, staging folders
    of deidflow to `working`.
    """
    waiting = [start]
    while waiting:
        folder = waiting.pop()
        try:
            entries = _sorted_entries(os.path.join(source, folder))
        except OSError:
            unreadable.append(folder or ".")
            continue

        prefix = f"{folder}/" if folder else ""
        folders: list[str] = []
        for entry in entries:
            path = prefix + entry.name
            if entry.is_file(follow_symlinks=False):
                yield path, entry
            elif entry.is_dir(follow_symlinks=False):
                target = working if is_working_folder(entry.name) else folders
                target.append(path)
        waiting += reversed(folders)


def _sorted_entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as scanned:
        return sorted(scanned, key=lambda entry: entry.name)
