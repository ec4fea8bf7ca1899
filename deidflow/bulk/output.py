"""The output folder: staged, moved into place unit by unit, remembered for a later call."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from deidflow.bulk.work import Done, Task
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.settings.anonymize import MIRROR, AnonymizeSettings
from deidflow.store.files import digest_of, read_json, remove_tree, write_json_atomic
from deidflow.store.locks import held
from deidflow.store.scratch import private_folder, public_folder
from deidflow.store.staging import contents_of, staging_of
from deidflow.verdicts import Verdict

DESCRIPTION = "dataset.json"
_RECORD = "2"
"""Changes when records of finished units hold something else."""


def check_output(settings: AnonymizeSettings) -> None:
    """Refuse an output that `on_exists` does not allow to be touched; raises UsageError, changes nothing."""
    out = settings.out
    if out.exists() and not out.is_dir():
        raise UsageError("the output is a file; name a folder")
    try:
        filled = bool(contents_of(out))
    except OSError as error:
        raise EnvironmentFault(
            f"the output cannot be read: {error.strerror}; check its permissions"
        ) from None
    if filled and settings.on_exists == "fail":
        raise UsageError(
            "the output folder is not empty; choose another, or --on-exists resume or clean"
        )
    if filled and not (out / DESCRIPTION).exists():
        raise UsageError(
            "the output folder holds files that deidflow did not write; choose another folder"
        )


@contextmanager
def output_held(settings: AnonymizeSettings) -> Iterator[None]:
    """Hold the output for this call, its staging folder empty at first; nothing of that folder stays."""
    staging = staging_of(settings.out)
    private_folder(staging, "output's folder")
    with held(staging / "lock", "output"):
        try:
            check_output(settings)
            remove_tree(staging / "staged")
            yield
        finally:
            remove_tree(staging)


def make_way(settings: AnonymizeSettings) -> None:
    """Empty the output where `on_exists` asks for it, and make its folder."""
    if settings.on_exists == "clean":
        for path in contents_of(settings.out):
            remove_tree(path)
    public_folder(settings.out, "output")


def unit_of(task: Task, layout: str) -> str:
    """What is moved into place at once: a series, or with `mirror` a subject."""
    return task.folder.partition("/")[0] if layout == MIRROR else task.folder


class SessionTasks(NamedTuple):
    """The tasks of one session, and the rules by which they are done."""

    rules: list[str]
    tasks: list[Task]


class Kept(NamedTuple):
    """An output as remembered in the vault: where it is, and which instance of which source file it is."""

    path: str
    signature: list[int]
    sop_uid: str
    source: str


def record_of(folder: Path, unit: str) -> Path:
    """Where a finished unit is remembered."""
    return folder / f"{digest_of(unit)[:24]}.json"


def kept_outputs(record: Path) -> list[Kept]:
    """The outputs of a finished unit; nothing where there is none, or one of an older version."""
    row = read_json(record)
    known = row.get("outputs", []) if isinstance(row, dict) else []
    return [Kept(*output) for output in known if len(output) == len(Kept._fields)]


@dataclass
class PendingUnits:
    """PendingUnits at work: each appears in the output in one rename, when its last file is done."""

    out: Path
    layout: str
    root: Path
    """What source paths are relative to."""
    record: Path | None
    """Folder in the vault in which finished units are remembered."""
    waiting: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, list[Kept]] = field(default_factory=dict)
    ends: dict[str, Counter[Verdict]] = field(default_factory=dict)

    @property
    def staging(self) -> Path:
        """Where outputs are written at first."""
        return staging_of(self.out) / "staged"

    def plan(
        self, sessions: Sequence[SessionTasks], signatures: dict[str, tuple[int, ...]]
    ) -> None:
        """Take up all units of a subject, whichever sessions they hold, but those whose outputs are intact."""
        rules: dict[str, list[list[str]]] = {}
        by_unit: dict[str, list[Task]] = {}
        for session in sessions:
            units = dict.fromkeys(unit_of(task, self.layout) for task in session.tasks)
            for unit in units:
                rules.setdefault(unit, []).append(session.rules)
            for task in session.tasks:
                by_unit.setdefault(unit_of(task, self.layout), []).append(task)

        for unit, own in by_unit.items():
            rows = [
                (task.path, task.folder, task.name, signatures.get(task.path, ())) for task in own
            ]
            self.keys[unit] = digest_of([_RECORD, rules[unit], rows]) if self.record else ""
            if not self._is_intact(unit):
                self.waiting[unit] = len(own)

    def is_to_do(self, task: Task) -> bool:
        """Whether a planned task is not done yet by this call or an earlier one."""
        return unit_of(task, self.layout) in self.waiting

    def _is_intact(self, unit: str) -> bool:
        if self.record is None:
            return False
        known = read_json(record_of(self.record, unit))
        if not isinstance(known, dict) or known["key"] != self.keys[unit]:
            return False
        outputs = kept_outputs(record_of(self.record, unit))
        return all(_signature(self.out / output.path) == output.signature for output in outputs)

    def finish(self, done: Iterable[Done]) -> None:
        """Count files that are done, and move units into place that are complete."""
        for end in done:
            unit = unit_of(end.task, self.layout)
            self.waiting[unit] -= 1
            self.ends.setdefault(unit, Counter())[end.verdict] += 1
            if end.verdict is Verdict.RELEASED and self.record:
                self.outputs.setdefault(unit, []).append(self._kept(end))
            if not self.waiting[unit]:
                self._publish(unit)

    def _kept(self, end: Done) -> Kept:
        task = end.task
        place, source = f"{task.folder}/{task.name}", str(self.root / task.path)
        return Kept(place, list(end.signature), task.sop_uid, source)

    def _publish(self, unit: str) -> None:
        ends = self.ends.pop(unit)
        if ends[Verdict.RELEASED]:
            self._move(unit)
        elif not ends[Verdict.FAILED]:
            remove_tree(self.out / unit)
        if self.record:
            row = {"key": self.keys[unit], "outputs": sorted(self.outputs.pop(unit, []))}
            write_json_atomic(record_of(self.record, unit), row)

    def _move(self, unit: str) -> None:
        staged, place = self.staging / unit, self.out / unit
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
