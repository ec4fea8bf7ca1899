"""Work that is tried again after a lost connection, with pauses that double."""

from __future__ import annotations

import time
from collections.abc import Callable

from deidflow.pacs.association import ConnectionLost
from deidflow.settings.pacs import RetrySettings


def with_retries(retry: RetrySettings, work: Callable[[], None], done: Callable[[], int]) -> None:
    """Do work that carries on where it was, until it ends.

    `done` counts what is finished: as long as it grows, the archive only stumbles. Raises the last
    ConnectionLost after `retry.attempts` without progress.
    """
    failures = 0
    while True:
        before = done()
        try:
            work()
        except ConnectionLost:
            failures = 1 if done() > before else failures + 1
            if failures >= retry.attempts:
                raise
        else:
            return
        pause = retry.first_seconds * 2 ** (failures - 1)
        time.sleep(min(pause, retry.longest_seconds))
