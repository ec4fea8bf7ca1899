"""Copies of all sources before anything is de-identified, each read again."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence, Set
from itertools import chain
from pathlib import Path

from deidflow.archives.unpack import archive_of
from deidflow.bulk.call import Call
from deidflow.bulk.raw_files import read_whole, write_synced
from deidflow.bulk.read import ReadFile
from deidflow.errors import EnvironmentFault
from deidflow.store.pool import Pool, PoolBatch, in_batches
from deidflow.store.scratch import private_folder
from deidflow.verdicts import UNRECORDED, Reason

_FAULTS_OF_TARGET = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors that end the backup instead of costing one file."""


def back_up(call: Call, rows: Sequence[ReadFile]) -> None:
    """Copy all sources to the backup folder, if there is one; none of a patient who is refused.

    Of an archive with somebody who is refused, the other members are copied.
    Raises EnvironmentFault if a copy differs from its source.
    """
    target = call.settings.backup
    if target is None or call.settings.dry_run:
        return

    private_folder(target, "backup")
    refused = {row.entry.path for row in rows if row.entry.reason in UNRECORDED}
    batches = chain(
        _files(call, target, refused),
        _members(call, target, refused),
    )
    with Pool(
        back_up_batch,
        call.workers,
        call.memory_limit,
    ) as pool:
        failed = sum(len(paths) for paths in pool.map(batches, _lost))

    if failed:
        raise EnvironmentFault(
            f"{failed} files could not be backed up intact; nothing was de-identified"
        )


def _files(call: Call, target: Path, refused: Set[str]) -> Iterator[PoolBatch]:
    """Files of the sources, and archives in which nobody is refused."""
    left_out = {archive_of(path) for path in refused}
    paths = [path for path in call.located.paths if path not in left_out]
    folders = (str(call.located.root), str(target))
    yield from in_batches(folders, paths)


def _members(call: Call, target: Path, refused: Set[str]) -> Iterator[PoolBatch]:
    """The other members of archives in which somebody is refused."""
    opened = {archive_of(path) for path in refused}
    for path, place in call.located.places.items():
        if path not in refused and archive_of(path) in opened:
            folders = (str(place.parent), str(Path(target, path).parent))
            yield PoolBatch(folders, [place.name])


def _lost(batch: PoolBatch, _: Reason) -> list[str]:
    return list(batch.items)


def back_up_batch(folders: tuple[str, str], paths: Sequence[str]) -> list[str]:
    """Copy files from the first folder to the second; returns the paths whose copies differ.

    Runs in a working process.
    """
    root, target = folders
    failed: list[str] = []
    for path in paths:
        if not _is_copied(
            os.path.join(root, path),
            Path(target, path),
        ):
            failed.append(path)
    return failed


def _is_copied(source: str, copy: Path) -> bool:
    """Copy one file; returns whether the copy, read again, is the same."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        content = read_whole(source)
        write_synced(os.fspath(copy), content)
    except OSError as error:
        if error.errno in _FAULTS_OF_TARGET:
            raise
        return False

    copied = read_whole(os.fspath(copy))
    return hashlib.sha256(copied).digest() == hashlib.sha256(content).digest()
