"""The second pass: bytes in, bytes out, in working processes."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deidflow.bulk.differences import Difference, differences
from deidflow.bulk.others import others_search
from deidflow.dicom.file_kind import has_mark
from deidflow.dicom.skim import HEADS
from deidflow.errors import StepFailed, Withheld
from deidflow.header.cleaner import FromHead, HeaderCleaner
from deidflow.header.contacts import Attribute, contacts, keeps_private_text
from deidflow.header.pixel_element import Chunk
from deidflow.header.profile import Profile
from deidflow.identity.cleaner import cleaner_for
from deidflow.identity.workorder import WorkOrder
from deidflow.store.faults import fault_of, reason_of
from deidflow.store.pool import PoolBatch
from deidflow.verdicts import Reason, Verdict

_MOST_CHUNKS = 512


@dataclass(frozen=True)
class Common:
    """What all files of a batch share."""

    order: WorkOrder
    profile: Profile
    root: str
    staging: str
    """Where outputs are written; empty writes nothing."""
    audited: bool
    others: str
    """Folder with what identifies the other patients of the call."""
    compared: str = ""
    """Where outputs of an earlier call lie that are compared with their sources instead of made."""


class Task(NamedTuple):
    """One file to do."""

    number: int
    path: str
    folder: str
    name: str
    series: str
    bin_trigger_time: bool
    sop_uid: str
    """As the source has it."""


class Done(NamedTuple):
    """How one file ended; `signature` is that of the output."""

    task: Task
    verdict: Verdict
    reason: Reason | None
    signature: tuple[int, ...]
    differences: tuple[Difference, ...]
    contacts: tuple[Attribute, ...] = ()
    """Private elements that were kept and look like a way to a person."""
    detail: str = ""
    """The attribute that is the reason, where one is."""


def clean_batch(common: Common, tasks: Sequence[Task]) -> list[Done]:
    """Runs in a working process: de-identify the files of one session, series after series."""
    session = common.order.sessions[0]
    whole = cleaner_for(
        common.order,
        session,
        common.profile,
        explicit_out=False,
        overlay_bits_cleared=False,
        refuse=others_search(common.order, common.profile, common.others),
    )
    done, series, fitted, made = [], "", whole, ""
    for task in tasks:
        if task.series != series:
            series, fitted = task.series, whole.for_series(bin_trigger_time=task.bin_trigger_time)
        if common.staging and not common.compared and task.folder != made:
            made = task.folder
            Path(common.staging, made).mkdir(parents=True, exist_ok=True)
        done.append(_guarded(common, fitted, task))
    return done


def lost(batch: PoolBatch, reason: Reason) -> list[Done]:
    """The end of a file that killed its process."""
    return [Done(batch.items[0], Verdict.FAILED, reason, (), ())]


def _guarded(common: Common, cleaner: HeaderCleaner, task: Task) -> Done:
    try:
        return _one(common, cleaner, task)
    except Withheld as error:
        return Done(task, Verdict.QUARANTINED, error.reason, (), (), detail=error.detail)
    except MemoryError:
        raise
    except OSError as error:
        fault = fault_of(error)
        if not isinstance(fault, StepFailed):
            raise
        return Done(task, Verdict.FAILED, fault.reason, (), ())
    except Exception as error:
        traceback.print_exc()
        return Done(task, Verdict.QUARANTINED, reason_of(error), (), ())


def _one(common: Common, cleaner: HeaderCleaner, task: Task) -> Done:
    path = os.path.join(common.root, task.path)
    if common.compared:
        output = _read(os.path.join(common.compared, task.folder, task.name))
        return Done(task, Verdict.RELEASED, None, (), _differences(_read(path), output, cleaner))
    searched = keeps_private_text(cleaner.rules)
    if common.staging and not common.audited and not searched:
        signature = _from_head(path, os.path.join(common.staging, task.folder, task.name), cleaner)
        if signature:
            return Done(task, Verdict.RELEASED, None, signature, ())
    content = _read(path)
    chunks = cleaner.file(content)
    found = _differences(content, b"".join(chunks), cleaner) if common.audited else ()
    signature = ()
    if common.staging:
        signature = _write(os.path.join(common.staging, task.folder, task.name), chunks)
    ways = tuple(contacts(b"".join(chunks))) if searched else ()
    return Done(task, Verdict.RELEASED, None, signature, found, ways)


def _differences(before: bytes, after: bytes, cleaner: HeaderCleaner) -> tuple[Difference, ...]:
    try:
        return tuple(differences(before, after, cleaner.rules))
    except MemoryError:
        raise
    except Exception:
        return (Difference("?", "the source's header could not be compared"),)


def _from_head(path: str, target: str, cleaner: HeaderCleaner) -> tuple[int, ...]:
    """Write the output without reading the pixels into this process; nothing where the whole file is needed."""
    source = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(source).st_size
        for length in HEADS:
            head = os.pread(source, length, 0)
            found = cleaner.from_head(head, size) if has_mark(head) else None
            if found is not None:
                _refuse_spare_bits(source, found)
                return _write(target, found.chunks, source, found.position, found.length)
            if length >= size:
                break
        return ()
    finally:
        os.close(source)


def _refuse_spare_bits(source: int, found: FromHead) -> None:
    """Raise Withheld where pixels hold something outside their stored values, which would go out unseen."""
    if found.spare is None:
        return
    end = found.position + found.length
    if found.spare.are_used(os.pread(source, end - found.value, found.value)):
        raise Withheld(Reason.EMBEDDED_OVERLAY)


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        content = os.read(descriptor, size + 1)
        while len(content) < size:
            more = os.read(descriptor, size - len(content))
            if not more:
                break
            content += more
        return content
    finally:
        os.close(descriptor)


def _write(
    path: str, chunks: list[Chunk], source: int = -1, offset: int = 0, length: int = 0
) -> tuple[int, ...]:
    """Write a new file, `length` bytes of the open file `source` at its end; returns size, mtime, ctime and inode."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        size = sum(map(len, chunks))
        written = os.writev(descriptor, chunks) if len(chunks) <= _MOST_CHUNKS else 0
        if written < size:
            rest = memoryview(b"".join(chunks))[written:]
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        while length:
            sent = os.sendfile(descriptor, source, offset, length)
            if not sent:
                raise Withheld(Reason.SOURCE_CHANGED)
            offset, length = offset + sent, length - sent
        status = os.fstat(descriptor)
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    finally:
        os.close(descriptor)


def back_up_batch(common: tuple[str, str], paths: Sequence[str]) -> list[str]:
    """Runs in a working process: copy sources, read the copies again; returns the paths whose copy differs."""
    import hashlib

    root, target = common
    bad = []
    for path in paths:
        copy = Path(target, path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            content = _read(os.path.join(root, path))
            descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise
            bad.append(path)
            continue
        if hashlib.sha256(_read(os.fspath(copy))).digest() != hashlib.sha256(content).digest():
            bad.append(path)
    return bad
