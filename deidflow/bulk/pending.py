"""Units of the output on their way: staged, moved into place, remembered for a later call."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from deidflow.bulk.output import make_public, make_public_parents, staged_folder
from deidflow.bulk.tasks import FileOutcome, FileTask
from deidflow.bulk.units import RECORD_SCHEMA, KeptOutput, UnitRecord, record_path, unit_of
from deidflow.settings.anonymize import MIRROR
from deidflow.store.files import Signature, digest_of, remove_tree
from deidflow.store.staging import staging_of
from deidflow.verdicts import Verdict

Signatures = dict[str, Signature | None]
"""Signatures of source files by path."""


class SessionTasks(NamedTuple):
    """The tasks of one session, and the rules by which they are done."""

    rules: list[str]
    tasks: list[FileTask]


@dataclass
class PendingUnits:
    """Moves each unit into the output by one rename, when its last file is done."""

    out: Path
    layout: str
    root: Path
    """Folder that source paths are relative to."""
    record_folder: Path | None
    """Folder in the vault in which finished units are remembered."""
    waiting: dict[str, int] = field(default_factory=dict)
    """Files that are not done yet, by unit."""
    keys: dict[str, str] = field(default_factory=dict)
    """What each unit is made of, as a hash."""
    outputs: dict[str, list[KeptOutput]] = field(default_factory=dict)
    verdicts: dict[str, Counter[Verdict]] = field(default_factory=dict)

    def plan(self, sessions: Sequence[SessionTasks], signatures: Signatures) -> None:
        """Take up the units of a subject, except those whose outputs are intact.

        With `mirror` a unit contains files of several sessions.
        """
        rules: dict[str, list[list[str]]] = {}
        tasks: dict[str, list[FileTask]] = {}
        for session in sessions:
            units = [self._unit_of(task) for task in session.tasks]
            for unit in dict.fromkeys(units):
                rules.setdefault(unit, []).append(session.rules)
            for unit, task in zip(units, session.tasks, strict=True):
                tasks.setdefault(unit, []).append(task)

        for unit, unit_tasks in tasks.items():
            if self.record_folder is not None:
                self.keys[unit] = _unit_key(rules[unit], unit_tasks, signatures)
            if not self._is_intact(unit):
                self.waiting[unit] = len(unit_tasks)

    def _unit_of(self, task: FileTask) -> str:
        return unit_of(task.folder, self.layout)

    def is_to_do(self, task: FileTask) -> bool:
        """Whether no earlier call has done a planned task."""
        return self._unit_of(task) in self.waiting

    def _is_intact(self, unit: str) -> bool:
        """Whether an earlier call made the unit of the same files, and it is as it was."""
        if self.record_folder is None:
            return False
        record = UnitRecord.read(record_path(self.record_folder, unit))
        if record is None or record.key != self.keys[unit]:
            return False
        return record.is_intact(self.out)

    def finish(self, outcomes: Iterable[FileOutcome]) -> None:
        """Count files that are done, and move units into place that are complete."""
        for outcome in outcomes:
            unit = self._unit_of(outcome.task)
            self.waiting[unit] -= 1
            self.verdicts.setdefault(unit, Counter())[outcome.verdict] += 1

            if outcome.verdict is Verdict.RELEASED and self.record_folder is not None:
                output = KeptOutput.of(outcome, self.root)
                self.outputs.setdefault(unit, []).append(output)
            if not self.waiting[unit]:
                self._publish(unit)

    def _publish(self, unit: str) -> None:
        verdicts = self.verdicts.pop(unit)
        if verdicts[Verdict.RELEASED]:
            self._move(unit)
        elif not verdicts[Verdict.FAILED]:
            remove_tree(self.out / unit)

        if self.record_folder is not None:
            outputs = self.outputs.pop(unit, [])
            record = UnitRecord(self.keys[unit], tuple(outputs))
            record.write(record_path(self.record_folder, unit))

    def _move(self, unit: str) -> None:
        """Move a staged unit into place, and remove the one that was there."""
        staged = staged_folder(self.out) / unit
        folder = self.out / unit
        replaced = staging_of(self.out) / "replaced"
        make_public_parents(self.out, folder.parent)

        if folder.exists():
            remove_tree(replaced)
            os.rename(folder, replaced)
        os.rename(staged, folder)
        remove_tree(replaced)
        make_public(folder, deep=self.layout == MIRROR)


def _unit_key(rules: list[list[str]], tasks: Sequence[FileTask], signatures: Signatures) -> str:
    """The hash of everything that decides how a unit comes out."""
    rows: list[tuple[Any, ...]] = []
    for task in tasks:
        signature = signatures.get(task.path) or ()
        row = (task.path, task.folder, task.name, signature)
        rows.append(row)
    return digest_of([RECORD_SCHEMA, rules, rows])
