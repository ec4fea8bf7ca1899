"""The first pass: the facts about every file, read in working processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from deidflow.bulk.locate import Located
from deidflow.dicom.inventory import Entry, Reader, failed
from deidflow.dicom.skim import Skimmer
from deidflow.store.files import sha256_of
from deidflow.store.pool import Pool, PoolBatch
from deidflow.verdicts import Reason, Verdict

_BATCH = 400
Place = tuple[tuple[float, ...], float]


class ReadFile(NamedTuple):
    """An entry, where its image lies along its stack, and its signature where one was asked for."""

    entry: Entry
    place: Place
    signature: tuple[int, ...]


def read_all(
    located: Located, workers: int, limit: int, *, force: bool, signed: bool
) -> list[ReadFile]:
    """Read every file, in the order of `located`; one that kills its reader is a failed entry."""
    paths, common = located.paths, (str(located.root), force, signed)
    batches = [
        PoolBatch((*common, start), paths[start : start + _BATCH])
        for start in range(0, len(paths), _BATCH)
    ]
    found: dict[int, list[ReadFile]] = {}
    with Pool(read_batch, workers, limit) as pool:
        for start, rows in pool.map(batches, _lost):
            found.setdefault(start, []).extend(rows)
    rows = [row for start in sorted(found) for row in found[start]]
    closed = (
        ReadFile(failed(path, Reason.UNREADABLE), _NOWHERE, ()) for path in located.unreadable
    )
    working = (
        ReadFile(failed(path, Reason.WORKING_FOLDER, Verdict.SKIPPED), _NOWHERE, ())
        for path in located.working
    )
    return [*rows, *closed, *working]


_NOWHERE: Place = ((9.0,), 0.0)


def _lost(batch: PoolBatch, reason: Reason) -> tuple[int, list[ReadFile]]:
    shown = Reason.READER_DIED if reason is Reason.CHILD_DIED else reason
    return batch.common[3], [ReadFile(failed(batch.items[0], shown), _NOWHERE, ())]


def read_batch(
    common: tuple[str, bool, bool, int], paths: Sequence[str]
) -> tuple[int, list[ReadFile]]:
    """Runs in a working process."""
    root, force, signed, start = common
    reader = Reader(Path(root), hashed=False, unmarked=force, skimmer=Skimmer())
    return start, list(_rows(reader, paths, signed))


def _rows(reader: Reader, paths: Sequence[str], signed: bool) -> Iterator[ReadFile]:
    normals: dict[str, tuple[float, ...]] = {}
    for path in paths:
        entry = reader.read(path)
        signature = _signature(os.path.join(reader.source, path)) if signed else ()
        instance = entry.instance
        if instance is None:
            yield ReadFile(entry, _NOWHERE, signature)
            continue
        if instance.orientation not in normals:
            normals[instance.orientation] = _normal(instance.orientation)
        yield ReadFile(entry, _place(normals[instance.orientation], instance.position), signature)


def _signature(path: str) -> tuple[int, ...]:
    try:
        status = os.lstat(path)
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _normal(orientation: str) -> tuple[float, ...]:
    """Row x column (PS3.3 C.7.6.2.1.1), in LPS; empty where the orientation is none."""
    try:
        a, b, c, d, e, f = (float(part) for part in orientation.split("\\"))
    except ValueError:
        return ()
    return b * f - c * e, c * d - a * f, a * e - b * d


def _place(normal: tuple[float, ...], position: str) -> Place:
    """Direction and height along it, in mm, by which slices are numbered."""
    try:
        x, y, z = (float(part) for part in position.split("\\"))
        height = x * normal[0] + y * normal[1] + z * normal[2]
    except (ValueError, IndexError):
        return _NOWHERE
    return (round(normal[0], 2), round(normal[1], 2), round(normal[2], 2)), round(height, 3)


def with_hashes(root: Path, rows: Sequence[ReadFile]) -> list[ReadFile]:
    """Rows with content hashes where a SOP Instance UID comes more than once, to tell copies from conflicts."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.entry.instance is not None:
            uid = row.entry.instance.sop_uid
            counts[uid] = counts.get(uid, 0) + 1
    twice = {uid for uid, count in counts.items() if count > 1}
    if not twice:
        return list(rows)
    return [
        _hashed(root, row) if row.entry.instance and row.entry.instance.sop_uid in twice else row
        for row in rows
    ]


def _hashed(root: Path, row: ReadFile) -> ReadFile:
    try:
        return row._replace(entry=row.entry._replace(sha256=sha256_of(root / row.entry.path)))
    except OSError:
        return row._replace(entry=failed(row.entry.path, Reason.UNREADABLE))
