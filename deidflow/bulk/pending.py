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
from deidflow.identity.workorder import WorkOrder
from deidflow.settings.layout_template import MIRROR
from deidflow.store.files import Signature, digest_of, remove_tree
from deidflow.store.staging import staging_of
from deidflow.verdicts import Verdict

Signatures = dict[str, Signature | None]
"""Signatures of source files by path."""


class SessionTasks(NamedTuple):
    """The tasks of one session, and the rules by which they are done."""

    order: WorkOrder
    rules: list[str]
    tasks: list[FileTask]


@dataclass
class _UnitContent:
    """The tasks of a unit, and the rules of each of its sessions."""

    tasks: list[FileTask] = field(default_factory=list)
    rules: list[list[str]] = field(default_factory=list)

    def add(self, task: FileTask, rules: list[str]) -> None:
        """Add a task of a session with these rules; sessions come one after another."""
        self.tasks.append(task)
        is_new_session = not self.rules or self.rules[-1] is not rules
        if is_new_session:
            self.rules.append(rules)

    def key(self, signatures: Signatures) -> str:
        """The hash of everything that decides how the unit comes out."""
        rows: list[tuple[Any, ...]] = []
        for task in self.tasks:
            signature = signatures.get(task.path) or ()
            row = (
                task.path,
                task.folder,
                task.name,
                signature,
            )
            rows.append(row)
        return digest_of([RECORD_SCHEMA, self.rules, rows])


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
        contents: dict[str, _UnitContent] = {}
        for session in sessions:
            for task in session.tasks:
                unit = self._unit_of(task)
                content = contents.setdefault(unit, _UnitContent())
                content.add(task, session.rules)

        for unit, content in contents.items():
            if self.record_folder is not None:
                key = content.key(signatures)
                self.keys[unit] = key
            if not self._is_intact(unit):
                files = len(content.tasks)
                self.waiting[unit] = files

    def _unit_of(self, task: FileTask) -> str:
        return unit_of(task.folder, self.layout)

    def is_to_do(self, task: FileTask) -> bool:
        """Whether no earlier call has done a planned task."""
        return self._unit_of(task) in self.waiting

    def _is_intact(self, unit: str) -> bool:
        """Whether an earlier call made the unit of the same files, and it is as it was."""
        if self.record_folder is None:
            return False
        path = record_path(self.record_folder, unit)
        record = UnitRecord.read(path)
        if record is None:
            return False
        if record.key != self.keys[unit]:
            return False
        return record.is_intact(self.out)

    def finish(self, outcomes: Iterable[FileOutcome]) -> None:
        """Count files that are done, and move units into place that are complete.

        Files that an earlier call has done do not count.
        """
        for outcome in outcomes:
            if not self.is_to_do(outcome.task):
                continue
            unit = self._unit_of(outcome.task)
            self._count(unit, outcome)
            if self.waiting[unit] == 0:
                self._publish(unit)

    def _count(self, unit: str, outcome: FileOutcome) -> None:
        """Count a file, and remember its output."""
        self.waiting[unit] -= 1
        counts = self.verdicts.setdefault(unit, Counter())
        counts[outcome.verdict] += 1
        if self.record_folder is None:
            return

        if outcome.verdict is Verdict.RELEASED:
            outputs = self.outputs.setdefault(unit, [])
            output = KeptOutput.of(outcome, self.root)
            outputs.append(output)

    def _publish(self, unit: str) -> None:
        """Move a complete unit into place, and remember it."""
        verdicts = self.verdicts.pop(unit)
        if verdicts[Verdict.RELEASED]:
            self._move(unit)
        elif not verdicts[Verdict.FAILED]:
            remove_tree(self.out / unit)

        if self.record_folder is None:
            return
        record = UnitRecord(
            key=self.keys[unit],
            outputs=tuple(self.outputs.pop(unit, [])),
        )
        path = record_path(self.record_folder, unit)
        record.write(path)

    def _move(self, unit: str) -> None:
        """Move a staged unit into place, and remove the one that was there."""
        folder = self.out / unit
        staged = staged_folder(self.out) / unit
        replaced = staging_of(self.out) / "replaced"
        make_public_parents(self.out, folder.parent)

        if folder.exists():
            remove_tree(replaced)
            os.rename(folder, replaced)
        os.rename(staged, folder)
        remove_tree(replaced)

        is_tree = self.layout == MIRROR
        make_public(folder, deep=is_tree)
