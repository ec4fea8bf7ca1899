"""A few processes that work through batches; one that dies costs the file it died of."""

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
"""Takes what all items share, and some items."""
Lost = Callable[["PoolBatch", Reason], Any]
"""Makes the result of an item that killed its process, given why the process ended."""


@dataclass(frozen=True)
class PoolBatch:
    """Arguments that are the same for all items, and the items."""

    common: Any
    items: Sequence[Any]


@dataclass
class _Worker:
    process: Any
    connection: Connection[Any, Any]
    batch: PoolBatch | None = None


class Pool:
    """Runs `function(common, items)` in `count` processes; results come as they are ready."""

    def __init__(self, function: Work, count: int, memory_limit: int) -> None:
        self._function, self._memory_limit = function, memory_limit
        method = "fork" if threading.active_count() == 1 else "forkserver"
        self._context: Any = multiprocessing.get_context(method)
        self._count = count
        self._workers: list[_Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.process.join()
            worker.connection.close()

    def map(self, batches: Iterable[PoolBatch], lost: Lost) -> Iterator[Any]:
        """The result of every batch, in any order; `lost` makes that of an item that kills its process.

        Raises the DeidflowError that a function raised.
        """
        waiting, again = iter(batches), deque[PoolBatch]()
        while True:
            self._hand_out(waiting, again)
            busy = {
                worker.connection: worker for worker in self._workers if worker.batch is not None
            }
            if not busy:
                return
            for ready in wait(list(busy)):
                yield from self._taken(busy[ready], again, lost)  # type: ignore[index]

    def _hand_out(self, waiting: Iterator[PoolBatch], again: deque[PoolBatch]) -> None:
        while len(self._workers) < self._count or any(
            worker.batch is None for worker in self._workers
        ):
            batch = again.popleft() if again else next(waiting, None)
            if batch is None:
                return
            worker = (
                next((one for one in self._workers if one.batch is None), None) or self._start()
            )
            worker.batch = batch
            # One that died while it waited is seen when its answer is awaited.
            with suppress(BrokenPipeError, ConnectionResetError):
                worker.connection.send(batch)

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(there, self._function, self._memory_limit), daemon=True
        )
        process.start()
        there.close()
        self._workers.append(_Worker(process, here))
        return self._workers[-1]

    def _taken(self, worker: _Worker, again: deque[PoolBatch], lost: Lost) -> Iterator[Any]:
        batch, worker.batch = worker.batch, None
        assert batch is not None
        try:
            kind, value = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            worker.connection.close()
            self._workers.remove(worker)
            if len(batch.items) == 1:
                yield lost(batch, reason_of_death(worker.process.exitcode))
            else:
                middle = len(batch.items) // 2
                again.extend(
                    PoolBatch(batch.common, part)
                    for part in (batch.items[:middle], batch.items[middle:])
                )
            return
        if kind == "error":
            raise value
        yield value


def _work(connection: Connection[Any, Any], function: Work, limit: int) -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    limit_memory(limit)
    try:
        _serve(connection, function)
    except MemoryError:
        os._exit(MEMORY_EXIT)


def _serve(connection: Connection[Any, Any], function: Work) -> None:
    while True:
        try:
            batch = connection.recv()
        except EOFError:
            return
        connection.send(_answer(function, batch))


def _answer(work: Work, batch: PoolBatch) -> tuple[str, Any]:
    try:
        return "value", work(batch.common, batch.items)
    except MemoryError:
        raise
    except Exception as error:
        traceback.print_exc()
        return "error", fault_of(error)
