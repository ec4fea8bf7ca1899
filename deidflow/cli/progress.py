"""Progress: bars per subject on a terminal, plain lines else, and a log file on request."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deidflow.errors import EnvironmentFault
from deidflow.steps import STEP_NAMES

_LOGGER = logging.getLogger("deidflow.progress")


class _Lines(logging.Handler):
    """One plain line for each message."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


class _Bars(logging.Handler):
    """One bar for each subject that is at work; a finished one leaves a line."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def emit(self, record: logging.LogRecord) -> None:
        pseudonym, step = getattr(record, "pseudonym", ""), getattr(record, "step", "")
        if not pseudonym:
            self._progress.console.print(record.getMessage())
        elif step == "subject":
            if pseudonym in self._bars:
                self._progress.remove_task(self._bars.pop(pseudonym))
            self._progress.console.print(record.getMessage())
        else:
            bar = self._bars.get(pseudonym)
            if bar is None:
                bar = self._bars[pseudonym] = self._progress.add_task(
                    pseudonym, total=len(STEP_NAMES)
                )
            done = STEP_NAMES.index(step) + 1 if step in STEP_NAMES else 0
            self._progress.update(
                bar,
                completed=done,
                description=f"{pseudonym} {step}",
            )


@contextmanager
def shown(log: Path | None, *, quiet: bool = False) -> Iterator[None]:
    """Show progress while the context is open; if quiet in the log only."""
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    handlers = [_file(log)] if log else []
    console = Console(stderr=True)
    if quiet:
        yield from _with(handlers)
    elif console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(
            *columns,
            console=console,
            transient=True,
        ) as progress:
            yield from _with([*handlers, _Bars(progress)])
    else:
        yield from _with([*handlers, _Lines()])


def _with(handlers: list[logging.Handler]) -> Iterator[None]:
    for handler in handlers:
        _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            _LOGGER.removeHandler(handler)
            handler.close()


def _file(log: Path) -> logging.Handler:
    try:
        handler = logging.FileHandler(log, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"the log file cannot be written: {error.strerror}") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    return handler
