"""Tests fail where the reason of last resort is met: an unexpected error is a defect."""

from __future__ import annotations

from typing import Any

from deidflow.bulk.result import NotReleased
from deidflow.errors import StepFailed
from deidflow.store.record import Record, StepStore
from deidflow.verdicts import Reason


class UnexpectedErrors:
    """Notes each use of the reason of last resort in this process; it comes from children as a
    StepFailed."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._watch(StepFailed)
        self._watch(NotReleased)
        write = StepStore._write

        def noting_write(store: StepStore, step: str, record: Record) -> None:
            self.note(record.model_dump_json())
            write(store, step, record)

        StepStore._write = noting_write  # type: ignore[method-assign]

    def _watch(self, kind: Any) -> None:
        construct = kind.__init__

        def noting(instance: Any, *arguments: Any, **named: Any) -> None:
            self.note(" ".join(map(str, [*arguments, *named.values()])))
            construct(instance, *arguments, **named)

        kind.__init__ = noting

    def note(self, text: str) -> None:
        """Remember a text that names the reason of last resort."""
        if Reason.UNEXPECTED.value in text:
            self.seen.append(text[:200])

    def note_words(self, text: str) -> None:
        """The same for what a command printed."""
        if Reason.UNEXPECTED.words in text or "please report it" in text:
            self.seen.append(text[-200:])


UNEXPECTED_ERRORS = UnexpectedErrors()
