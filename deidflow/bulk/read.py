"""The first pass, in working processes: the facts about every file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from deidflow.bulk.locate import Located
from deidflow.dicom.inventory import Entry, Reader, failed
from deidflow.dicom.skim import Skimmer
from deidflow.store.files import Signature, sha256_of
from deidflow.store.pool import BATCH_SIZE, Pool, PoolBatch
from deidflow.verdicts import Reason, Verdict

StackPosition = tuple[tuple[float, ...], float]
"""Direction of a stack in LPS, and the height of an image along it in mm."""
NO_POSITION: StackPosition = ((9.0,), 0.0)
"""Sorts after every direction, whose components are at most 1."""
_DIRECTION_DIGITS = 2
_HEIGHT_DIGITS = 3


class ReadFile(NamedTuple):
    """An inventory entry with its position in the stack and, on request, its file signature."""

    entry: Entry
    position: StackPosition = NO_POSITION
    signature: Signature | None = None


class ReadContext(NamedTuple):
    """What all files of a batch share."""

    root: str
    force: bool
    """Whether files without the DICM mark are read too."""
    signed: bool
    """Whether signatures are taken."""
    start: int
    """Index of the first file of the batch, or of the batch that it is a part of."""


NumberedRows = tuple[int, list[ReadFile]]
"""The start of a batch, and the rows of its files or of some of them."""


def read_all(
    located: Located, workers: int, limit: int, *, force: bool, signed: bool
) -> list[ReadFile]:
    """Read every file, in the order of `located`; one that kills its reader is a failed entry.

    `limit` is the memory of a worker in bytes.
    """
    batches = _batches(
        located,
        force=force,
        signed=signed,
    )
    rows_by_start: dict[int, list[ReadFile]] = {}
    with Pool(read_batch, workers, limit) as pool:
        for start, rows in pool.map(batches, _lost):
            batch_rows = rows_by_start.setdefault(start, [])
            batch_rows += rows

    ordered: list[ReadFile] = []
    starts = sorted(rows_by_start)
    for start in starts:
        rows = rows_by_start[start]
        ordered += rows
    ordered += _folder_rows(located)
    return ordered


def _batches(located: Located, *, force: bool, signed: bool) -> Iterator[PoolBatch]:
    root = str(located.root)
    paths = located.paths
    for start in range(0, len(paths), BATCH_SIZE):
        end = start + BATCH_SIZE
        context = ReadContext(
            root=root,
            force=force,
            signed=signed,
            start=start,
        )
        yield PoolBatch(context, paths[start:end])


def _folder_rows(located: Located) -> Iterator[ReadFile]:
    """Folders whose files are not read."""
    for path in located.unreadable:
        entry = failed(path, Reason.UNREADABLE)
        yield ReadFile(entry)
    for path in located.working:
        entry = failed(
            path,
            Reason.WORKING_FOLDER,
            Verdict.SKIPPED,
        )
        yield ReadFile(entry)


def _lost(batch: PoolBatch, reason: Reason) -> NumberedRows:
    """The row of a file that killed its reader."""
    if reason is Reason.CHILD_DIED:
        reason = Reason.READER_DIED
    path = batch.items[0]
    entry = failed(path, reason)
    return batch.common.start, [ReadFile(entry)]


def read_batch(context: ReadContext, paths: Sequence[str]) -> NumberedRows:
    """Read some files. Runs in a working process."""
    reader = Reader(
        Path(context.root),
        hashed=False,
        unmarked=context.force,
        skimmer=Skimmer(),
    )
    rows = list(_rows(reader, paths, context.signed))
    return context.start, rows


def _rows(reader: Reader, paths: Sequence[str], signed: bool) -> Iterator[ReadFile]:
    normals: dict[str, tuple[float, ...]] = {}
    for path in paths:
        entry = reader.read(path)
        signature = None
        if signed:
            full_path = os.path.join(reader.source, path)
            signature = Signature.if_readable(full_path)

        instance = entry.instance
        if instance is None:
            yield ReadFile(entry, NO_POSITION, signature)
            continue
        orientation = instance.orientation
        normal = normals.get(orientation)
        if normal is None:
            normal = _normal(orientation)
            normals[orientation] = normal
        position = _stack_position(normal, instance.position)
        yield ReadFile(entry, position, signature)


def _normal(orientation: str) -> tuple[float, ...]:
    """Row x column (PS3.3 C.7.6.2.1.1), in LPS; empty if the orientation is not valid."""
    try:
        rx, ry, rz, cx, cy, cz = map(float, orientation.split("\\"))
    except ValueError:
        return ()
    return (
        ry * cz - rz * cy,
        rz * cx - rx * cz,
        rx * cy - ry * cx,
    )


def _stack_position(normal: tuple[float, ...], position: str) -> StackPosition:
    """Direction of the stack and height along it in mm, by which slices are numbered."""
    try:
        x, y, z = map(float, position.split("\\"))
        nx, ny, nz = normal
    except ValueError:
        return NO_POSITION

    height = x * nx + y * ny + z * nz
    direction = (
        round(nx, _DIRECTION_DIGITS),
        round(ny, _DIRECTION_DIGITS),
        round(nz, _DIRECTION_DIGITS),
    )
    return direction, round(height, _HEIGHT_DIGITS)


def with_hashes(located: Located, rows: Sequence[ReadFile]) -> list[ReadFile]:
    """Rows with content hashes where files share a SOP Instance UID.

    Hashes tell identical copies from conflicting ones.
    """
    shared = _shared_uids(rows)
    if not shared:
        return list(rows)

    hashed: list[ReadFile] = []
    for row in rows:
        instance = row.entry.instance
        if instance is not None and instance.sop_uid in shared:
            row = _with_hash(located, row)
        hashed.append(row)
    return hashed


def _shared_uids(rows: Sequence[ReadFile]) -> set[str]:
    """SOP Instance UIDs of more than one file."""
    counts: Counter[str] = Counter()
    for row in rows:
        instance = row.entry.instance
        if instance is not None:
            counts[instance.sop_uid] += 1
    return {uid for uid, count in counts.items() if count > 1}


def _with_hash(located: Located, row: ReadFile) -> ReadFile:
    path = row.entry.path
    try:
        digest = sha256_of(located.place_of(path))
        entry = row.entry._replace(sha256=digest)
    except OSError:
        entry = failed(path, Reason.UNREADABLE)
    return row._replace(entry=entry)
