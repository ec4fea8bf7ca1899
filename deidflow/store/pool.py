"""Worker processes that work through batches; one that dies costs the file it died of."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from deidflow.store.children import reason_of_death
from deidflow.store.faults import fault_of
from deidflow.store.process import MEMORY_EXIT, die_with_parent, limit_memory
from deidflow.verdicts import Reason

Work = Callable[[Any, Sequence[Any]], Any]
"""Takes the context that all items share, and some items."""
Lost = Callable[["PoolBatch", Reason], Any]
"""Makes the result of an item that killed its worker, given why the worker ended."""
Answer = tuple[str, Any]
"""`value` and a result, or `error` and an exception."""
BATCH_SIZE = 400
"""Items per batch: neither so few that sending dominates, nor so many that workers wait."""


@dataclass(frozen=True)
class PoolBatch:
    """Arguments that are the same for all items, and the items."""

    common: Any
    items: Sequence[Any]

    def halves(self) -> tuple[PoolBatch, PoolBatch]:
        """The batch in two parts."""
        middle = len(self.items) // 2
        first_items = self.items[:middle]
        second_items = self.items[middle:]
        return (
            PoolBatch(self.common, first_items),
            PoolBatch(self.common, second_items),
        )


def in_batches(common: Any, items: Sequence[Any]) -> Iterator[PoolBatch]:
    """The items in batches of at most BATCH_SIZE."""
    for start in range(0, len(items), BATCH_SIZE):
        end = start + BATCH_SIZE
        yield PoolBatch(common, items[start:end])


@dataclass
class _Worker:
    process: Any
    connection: Connection[Any, Any]
    batch: PoolBatch | None = None


class Pool:
    """Runs `function(common, items)` in `count` processes; results come as they are ready."""

    def __init__(self, function: Work, count: int, memory_limit: int) -> None:
        self._function = function
        self._memory_limit = memory_limit
        self._count = count
        self._workers: list[_Worker] = []
        # fork is faster, but unsafe beside other threads.
        method = "fork" if threading.active_count() == 1 else "forkserver"
        self._context: Any = multiprocessing.get_context(method)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.process.join()
            worker.connection.close()

    def map(self, batches: Iterable[PoolBatch], lost: Lost) -> Iterator[Any]:
        """The result of every batch, in any order.

        `lost` makes the result of an item that kills its worker. Raises the DeidflowError that
        the function raised.
        """
        waiting = iter(batches)
        again: deque[PoolBatch] = deque()
        while True:
            self._hand_out(waiting, again)
            busy: dict[Any, _Worker] = {}
            for worker in self._workers:
                if worker.batch is not None:
                    busy[worker.connection] = worker

            if not busy:
                return
            for connection in wait(list(busy)):
                yield from self._results(
                    busy[connection],
                    again,
                    lost,
                )

    def _hand_out(self, waiting: Iterator[PoolBatch], again: deque[PoolBatch]) -> None:
        """Send batches to idle workers, and to new ones as long as there are fewer than allowed."""
        while True:
            worker = self._idle_worker()
            if worker is None and len(self._workers) >= self._count:
                return
            batch = again.popleft() if again else next(waiting, None)
            if batch is None:
                return

            worker = worker or self._start()
            worker.batch = batch
            # A worker that died while idle is noticed when its answer is awaited.
            with suppress(BrokenPipeError, ConnectionResetError):
                worker.connection.send(batch)

    def _idle_worker(self) -> _Worker | None:
        for worker in self._workers:
            if worker.batch is None:
                return worker
        return None

    def _start(self) -> _Worker:
        parent_end, worker_end = self._context.Pipe()
        process = self._context.Process(
            target=_work,
            args=(worker_end, self._function, self._memory_limit),
            daemon=True,
        )
        process.start()
        worker_end.close()

        worker = _Worker(process, parent_end)
        self._workers.append(worker)
        return worker

    def _results(self, worker: _Worker, again: deque[PoolBatch], lost: Lost) -> Iterator[Any]:
        """The result of a worker's batch; the batch of one that died is halved and done again."""
        batch = worker.batch
        if batch is None:
            return
        worker.batch = None

        try:
            kind, value = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            reason = self._bury(worker)
            if len(batch.items) == 1:
                yield lost(batch, reason)
            else:
                again.extend(batch.halves())
            return

        if kind == "error":
            raise value
        yield value

    def _bury(self, worker: _Worker) -> Reason:
        """Drop a worker that died; returns why it did."""
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        return reason_of_death(worker.process.exitcode)


def _work(connection: Connection[Any, Any], function: Work, limit: int) -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _discard_output()
    limit_memory(limit)

    try:
        _serve(connection, function)
    except MemoryError:
        os._exit(MEMORY_EXIT)


def _discard_output() -> None:
    """Messages of libraries about bad files may contain names."""
    warnings.simplefilter("ignore")
    null_device = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null_device, 1)
    os.dup2(null_device, 2)


def _serve(connection: Connection[Any, Any], function: Work) -> None:
    while True:
        try:
            batch = connection.recv()
        except EOFError:
            return
        connection.send(_answer(function, batch))


def _answer(function: Work, batch: PoolBatch) -> Answer:
    try:
        return "value", function(batch.common, batch.items)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the parent gets it in words
        traceback.print_exc()
        return "error", fault_of(error)
