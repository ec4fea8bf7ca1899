"""A pool loses the item that kills its worker, says why, and nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import numpy as np
import pytest

from deidflow.errors import DeidflowError
from deidflow.store.pool import Pool, PoolBatch
from deidflow.verdicts import Reason

LIMIT = 4 << 30


def work(common: str, items: Sequence[str]) -> list[tuple[str, Reason | None]]:
    """Runs in a worker; an item says what becomes of its process."""
    for item in items:
        if item == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif item == "greedy":
            np.ones(LIMIT, np.uint8)
        elif item == "full disk":
            raise OSError(28, "No space left on device")
        elif item == "out of order":
            raise KeyError(item)
    return [(f"{common} {item}", None) for item in items]


def lost(batch: PoolBatch, reason: Reason) -> list[tuple[str, Reason | None]]:
    return [(batch.items[0], reason)]


def results(batches: list[list[str]], workers: int = 2) -> dict[str, Reason | None]:
    with Pool(work, workers, LIMIT) as pool:
        rows = pool.map([PoolBatch("done", items) for items in batches], lost)
        return dict(row for batch in rows for row in batch)


def test_a_worker_that_is_killed_costs_the_item_it_died_of() -> None:
    items = ["a", "b", "c", "killed", "d", "e", "f"]
    assert results([items, ["g"]]) == {
        **{f"done {name}": None for name in "abcdefg"},
        "killed": Reason.CHILD_DIED,
    }


def test_an_item_that_needs_too_much_memory_is_called_that() -> None:
    assert results([["a", "greedy", "b"]]) == {
        "done a": None,
        "done b": None,
        "greedy": Reason.OUT_OF_MEMORY,
    }


def test_every_worker_may_die_and_the_rest_is_done() -> None:
    batches = [["killed"], ["greedy"], ["a"], ["b"]]
    assert results(batches, workers=1) == {
        "killed": Reason.CHILD_DIED,
        "greedy": Reason.OUT_OF_MEMORY,
        "done a": None,
        "done b": None,
    }


def test_a_worker_that_dies_while_it_waits_is_replaced() -> None:
    with Pool(work, 1, LIMIT) as pool:
        assert list(pool.map([PoolBatch("done", ["a"])], lost)) == [[("done a", None)]]
        (worker,) = pool._workers  # noqa: SLF001  nobody else knows the process
        worker.process.kill()
        worker.process.join()
        rows = list(pool.map([PoolBatch("done", ["b", "c"])], lost))
    assert sorted(row for batch in rows for row in batch) == [("done b", None), ("done c", None)]


OURS = pytest.param("out of order", "an unexpected error", marks=pytest.mark.last_resort)


@pytest.mark.parametrize(("item", "words"), [("full disk", "no space left"), OURS])
def test_a_fault_of_the_machine_or_of_ours_ends_the_map(item: str, words: str) -> None:
    with pytest.raises(DeidflowError, match=words):
        results([["a"], [item]])
