"""Publishing: a session appears in the release by one rename, with all series that passed."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from deidflow.store.files import remove_tree, write_json_atomic
from deidflow.store.scratch import PRIVATE_FOLDER_MODE, PUBLIC_FOLDER_MODE

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_JOURNALS = "replacing"
_WITHDRAWN = "withdrawn"


def publish(staged: Path, published: Path, staging: Path) -> None:
    """Move a staged session to its place; an older version of it is exchanged and removed.

    On file systems that cannot exchange folders, two journalled renames do it, which `complete`
    finishes after a kill.
    """
    published.parent.mkdir(exist_ok=True)
    published.parent.chmod(PUBLIC_FOLDER_MODE)
    if not published.exists():
        os.rename(staged, published)
    elif not _exchange(staged, published):
        _replace(staged, published, staging)
    remove_tree(staged)


def withdraw(published: Path, staging: Path) -> None:
    """Take a session out of the release by one rename; it is kept in the private staging folder."""
    subject = published.parent
    withdrawn = staging / _WITHDRAWN
    kept = withdrawn / subject.name / published.name
    _make_room(kept)

    os.rename(published, kept)
    if not any(subject.iterdir()):
        subject.rmdir()


def keep_withdrawn(staging: Path, kept: Path) -> None:
    """Move the withdrawn sessions out of a staging folder that does not stay, into the vault."""
    withdrawn = staging / _WITHDRAWN
    sessions = withdrawn.glob("*/*")
    for session in sorted(sessions):
        subject = session.parent.name
        target = kept / subject / session.name
        _make_room(target)
        shutil.move(session, target)


def _make_room(folder: Path) -> None:
    """Remove an older folder of this name, and make its private parents."""
    remove_tree(folder)
    folder.parent.mkdir(
        parents=True,
        exist_ok=True,
        mode=PRIVATE_FOLDER_MODE,
    )


def complete(staging: Path) -> None:
    """Finish replacements that a kill interrupted between their two renames."""
    journals = (staging / _JOURNALS).glob("*.json")
    for path in sorted(journals):
        journal = _Journal.read(path)
        journal.complete()
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Journal:
    """A replacement: the paths of the new version, of its place, and of the old version."""

    staged: str
    published: str
    old: str

    @classmethod
    def read(cls, path: Path) -> _Journal:
        row = json.loads(path.read_text())
        return cls(**row)

    def complete(self) -> None:
        """Do what is left: the newest version that exists is published, the old one removed."""
        staged = Path(self.staged)
        published = Path(self.published)
        old = Path(self.old)
        if not published.exists():
            newest = staged if staged.exists() else old
            os.rename(newest, published)
        remove_tree(old)


def _replace(staged: Path, published: Path, staging: Path) -> None:
    """Replace a published session by two renames, noted in a journal before."""
    name = f"{published.parent.name}-{published.name}"
    old = staging / f"{name}.old"
    journal = _Journal(
        staged=str(staged),
        published=str(published),
        old=str(old),
    )
    path = staging / _JOURNALS / f"{name}.json"
    write_json_atomic(path, asdict(journal))

    remove_tree(old)
    os.rename(published, old)
    os.rename(staged, published)
    remove_tree(old)
    path.unlink(missing_ok=True)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders atomically (renameat2); False if kernel or file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False

    status: int = renameat2(
        _AT_FDCWD,
        os.fsencode(first),
        _AT_FDCWD,
        os.fsencode(second),
        _RENAME_EXCHANGE,
    )
    return status == 0
