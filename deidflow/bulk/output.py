"""The output folder: staged, moved into place unit by unit, remembered for a later call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deidflow.bulk.settings import MIRROR, AnonymizeSettings
from deidflow.bulk.work import Done, Task
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.store.files import digest_of, read_json, remove_tree, write_json_atomic
from deidflow.store.scratch import private_folder
from deidflow.store.staging import contents_of, staging_of
from deidflow.verdicts import Verdict

DESCRIPTION = "dataset.json"


def prepare(settings: AnonymizeSettings) -> None:
    """Make way for the output as `on_exists` asks; raises UsageError where there is something in the way."""
    out = settings.out
    if out.exists() and not out.is_dir():
        raise UsageError("the output is a file; name a folder")
    try:
        filled = bool(contents_of(out))
    except OSError as error:
        raise EnvironmentFault(f"the output cannot be read: {error.strerror}; check its permissions") from None
    if filled and settings.on_exists == "fail":
        raise UsageError("the output folder is not empty; choose another, or --on-exists resume or clean")
    if filled and not (out / DESCRIPTION).exists():
        raise UsageError("the output folder holds files that deidflow did not write; choose another folder")
    if filled and settings.on_exists == "clean":
        for path in contents_of(out):
            remove_tree(path)
    if not settings.dry_run:
        private_folder(staging_of(out), "output's folder")
        remove_tree(staging_of(out) / "staged")


def unit_of(task: Task, layout: str) -> str:
    """What is moved into place at once: a series, or with `mirror` a subject."""
    return task.folder.partition("/")[0] if layout == MIRROR else task.folder


@dataclass
class Units:
    """Units at work: each appears in the output in one rename, when its last file is done."""

    out: Path
    layout: str
    record: Path | None
    """Folder in the vault in which finished units are remembered."""
    waiting: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, list[tuple[str, list[int]]]] = field(default_factory=dict)

    @property
    def staging(self) -> Path:
        """Where outputs are written at first."""
        return staging_of(self.out) / "staged"

    def plan(self, tasks: Sequence[Task], common: Any, signatures: dict[str, tuple[int, ...]]) -> list[Task]:
        """The tasks that are still to do; the others' outputs are there, intact, from the same input and rules."""
        by_unit: dict[str, list[Task]] = {}
        for task in tasks:
            by_unit.setdefault(unit_of(task, self.layout), []).append(task)
        left: list[Task] = []
        for unit, own in by_unit.items():
            rows = [(task.path, task.folder, task.name, signatures.get(task.path, ())) for task in own]
            self.keys[unit] = digest_of([common, rows]) if self.record else ""
            if not self._is_intact(unit):
                self.waiting[unit] = len(own)
                left += own
        return left

    def _is_intact(self, unit: str) -> bool:
        known = read_json(self._row(unit)) if self.record else None
        if not isinstance(known, dict) or known["key"] != self.keys[unit]:
            return False
        return all(_signature(self.out / path) == signature for path, signature in known["outputs"])

    def _row(self, unit: str) -> Path:
        assert self.record is not None
        return self.record / f"{digest_of(unit)[:24]}.json"

    def finish(self, done: Iterable[Done]) -> None:
        """Count files that are done, and move units into place that are complete."""
        for one in done:
            unit = unit_of(one.task, self.layout)
            self.waiting[unit] -= 1
            if one.verdict is Verdict.RELEASED and self.record:
                row = f"{one.task.folder}/{one.task.name}", list(one.signature)
                self.outputs.setdefault(unit, []).append(row)
            if not self.waiting[unit]:
                self._publish(unit)

    def _publish(self, unit: str) -> None:
        staged, place = self.staging / unit, self.out / unit
        if staged.exists():
            _open_folders(self.out, place.parent)
            if place.exists():
                old = staging_of(self.out) / "replaced"
                remove_tree(old)
                os.rename(place, old)
                os.rename(staged, place)
                remove_tree(old)
            else:
                os.rename(staged, place)
            _readable(place, deep=self.layout == MIRROR)
        if self.record:
            row = {"key": self.keys[unit], "outputs": sorted(self.outputs.pop(unit, []))}
            write_json_atomic(self._row(unit), row)


def _signature(path: Path) -> list[int]:
    try:
        status = path.lstat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _open_folders(out: Path, folder: Path) -> None:
    missing = []
    while folder != out and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(mode=0o755)
        one.chmod(0o755)


def _readable(place: Path, *, deep: bool) -> None:
    place.chmod(0o755)
    for folder in (path for path in (place.rglob("*") if deep else ()) if path.is_dir()):
        folder.chmod(0o755)
