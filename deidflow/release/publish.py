"""Publishing: a session appears in the release in one rename, with all of its series that passed."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from pathlib import Path

from deidflow.store.files import remove_tree, write_json_atomic

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_JOURNALS = "replacing"


def publish(staged: Path, published: Path, staging: Path) -> None:
    """Move a staged session to its place; an older version of it is exchanged and removed.

    Where the file system cannot exchange, two journalled renames do, which `complete` finishes after
    a kill.
    """
    published.parent.mkdir(exist_ok=True)
    published.parent.chmod(0o755)
    if not published.exists():
        os.rename(staged, published)
    elif not _exchange(staged, published):
        _replace(staged, published, staging)
    remove_tree(staged)


def withdraw(published: Path, staging: Path) -> None:
    """Take a session out of the release in one rename; it is kept in the private staging folder."""
    kept = staging / "withdrawn" / published.parent.name / published.name
    remove_tree(kept)
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.rename(published, kept)
    if not any(published.parent.iterdir()):
        published.parent.rmdir()


def keep_withdrawn(staging: Path, kept: Path) -> None:
    """Move the withdrawn sessions out of a staging folder that does not stay, into the vault."""
    for session in sorted((staging / "withdrawn").glob("*/*")):
        target = kept / session.parent.name / session.name
        remove_tree(target)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.move(session, target)


def complete(staging: Path) -> None:
    """Finish replacements that a kill interrupted between their two renames."""
    for journal in sorted((staging / _JOURNALS).glob("*.json")):
        _complete(journal)


def _complete(journal: Path) -> None:
    row = json.loads(journal.read_text())
    staged, published, old = Path(row["staged"]), Path(row["published"]), Path(row["old"])
    if not published.exists():
        newest = staged if staged.exists() else old
        os.rename(newest, published)
    remove_tree(old)
    journal.unlink(missing_ok=True)


def _replace(staged: Path, published: Path, staging: Path) -> None:
    old = staging / f"{published.parent.name}-{published.name}.old"
    row = {"staged": str(staged), "published": str(published), "old": str(old)}
    journal = staging / _JOURNALS / f"{published.parent.name}-{published.name}.json"
    write_json_atomic(journal, row)
    remove_tree(old)
    os.rename(published, old)
    os.rename(staged, published)
    remove_tree(old)
    journal.unlink(missing_ok=True)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders atomically (renameat2); False where kernel or file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    return bool(
        renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE)
        == 0
    )
