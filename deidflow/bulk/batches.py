"""Series as tasks, and tasks in batches, for working processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from deidflow.bulk.targets import Part
from deidflow.bulk.work import Common, Task
from deidflow.identity.workorder import WorkOrder
from deidflow.store.pool import PoolBatch

_BATCH = 400


def tasks_of(parts: Sequence[Part], numbers: dict[str, int]) -> Iterator[Task]:
    """The tasks of series, file by file."""
    for part in parts:
        for path, folder, name, sop_uid in part.targets:
            yield Task(
                numbers[path], path, folder, name, part.series, part.bin_trigger_time, sop_uid
            )


def in_batches(common: Common, tasks: Sequence[Task]) -> Iterator[PoolBatch]:
    """The tasks in batches that are neither tiny nor large."""
    for start in range(0, len(tasks), _BATCH):
        yield PoolBatch(common, tasks[start : start + _BATCH])


def by_subject(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """The series of each subject."""
    for _, own in groupby(parts, key=lambda part: part.order.pseudonym):
        yield list(own)


def by_session(parts: Sequence[Part]) -> Iterator[tuple[WorkOrder, list[Part]]]:
    """The series of each session, with the order that they share."""
    own: list[Part] = []
    for part in parts:
        if own and part.order is not own[0].order and part.order != own[0].order:
            yield own[0].order, own
            own = []
        own.append(part)
    if own:
        yield own[0].order, own
