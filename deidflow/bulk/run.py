"""From settings to a result: read, identify, de-identify, move into place."""

from __future__ import annotations

import gc
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deidflow.bulk.audit import write_audit, write_description
from deidflow.bulk.locate import Located, locate
from deidflow.bulk.output import Units, prepare
from deidflow.bulk.read import ReadFile, read_all, with_hashes
from deidflow.bulk.result import NotReleased, Result
from deidflow.bulk.settings import AnonymizeSettings
from deidflow.bulk.units import Part, parts_of
from deidflow.bulk.work import Common, Done, Task, lost
from deidflow.dicom.grouping import Decision
from deidflow.dicom.inventory import Entry
from deidflow.errors import EnvironmentFault
from deidflow.header.completeness import is_complete
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.identity.orders import persons, work_order
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.steps.chosen import chosen_profile
from deidflow.steps.discover import group_by, wishes_of
from deidflow.store.files import digest_of
from deidflow.store.locks import held
from deidflow.store.pool import Batch, Pool
from deidflow.store.process import memory_for
from deidflow.store.scratch import private_folder, public_folder
from deidflow.store.staging import remove_staging, staging_of
from deidflow.verdicts import Reason, Verdict

_BATCH = 400


def run(settings: AnonymizeSettings) -> Result:
    """De-identify the headers of every file of the sources into the output folder.

    Raises UsageError and ConfigError before anything is written, EnvironmentFault where the machine lacks
    something, ReleaseBusy where another call is at work on the output.
    """
    located, profile = locate(settings.sources), chosen_profile(settings)
    compile_profile(profile)
    with ExitStack() as stack:
        stack.callback(os.umask, os.umask(0o077))
        _without_collector(stack)
        prepare(settings)
        if not settings.dry_run:
            stack.enter_context(held(staging_of(settings.out) / "lock", "output"))
            stack.callback(remove_staging, settings.out)
        vault = _vault(settings, stack)
        return _Run(settings, located, profile, vault).result()


def _without_collector(stack: ExitStack) -> None:
    """Millions of small tuples without cycles: looking for cycles among them takes a fifth of the parent's time."""
    if gc.isenabled():
        gc.disable()
        stack.callback(gc.enable)


def _vault(settings: AnonymizeSettings, stack: ExitStack) -> Vault:
    """The vault, or one in a private temporary folder with a secret that is thrown away."""
    folder = settings.vault
    if folder is None or settings.dry_run:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deidflow-")))
    else:
        private_folder(folder, "vault")
        name = f"{settings.project}-{settings.level}"
        stack.enter_context(held(folder / "work" / name / "lock", "project of the vault"))
    vault = Vault(folder, Keys(load_secret(folder, create=True), settings.project, settings.level))
    stack.callback(vault.close)
    return vault


@dataclass
class _Run:
    settings: AnonymizeSettings
    located: Located
    profile: Profile
    vault: Vault
    done: list[Done] = field(default_factory=list)
    reused: int = 0

    def result(self) -> Result:
        """Do everything."""
        settings = self.settings
        self._back_up()
        rows = read_all(self.located, self._workers, self._limit, force=settings.force, signed=self._remembers)
        rows = with_hashes(self.located.root, rows)
        signatures = {row.entry.path: row.signature for row in rows} if self._remembers else {}
        verdicts, parts = self._parts(rows)
        released = {(part.order.pseudonym, part.order.sessions[0].label) for part in parts}
        numbers = {path: number for number, path in enumerate((*self.located.paths, *self.located.unreadable), 1)}
        for done in self._cleaned(parts, signatures, numbers):
            self.done += [one for one in done if one.verdict is not Verdict.RELEASED or one.differences]
        if not settings.dry_run:
            self.vault.mark_published(sorted(released))
            write_description(settings, self.profile)
        return self._summary(verdicts, len({pseudonym for pseudonym, _ in released}), numbers)

    @property
    def _workers(self) -> int:
        return self.settings.workers or len(os.sched_getaffinity(0))

    @property
    def _limit(self) -> int:
        return memory_for(self._workers)

    @property
    def _remembers(self) -> bool:
        return self.settings.vault is not None and not self.settings.dry_run

    def _back_up(self) -> None:
        """Copies of all sources, each read again; raises EnvironmentFault where one differs."""
        target = self.settings.backup
        if target is None or self.settings.dry_run:
            return
        private_folder(target, "backup")
        paths = self.located.paths
        common = str(self.located.root), str(target)
        batches = (Batch(common, paths[start : start + _BATCH]) for start in range(0, len(paths), _BATCH))
        with Pool("deidflow.bulk.work:back_up_batch", self._workers, self._limit) as pool:
            bad = sum(len(found) for found in pool.map(batches, lambda batch, _: list(batch.items)))
        if bad:
            raise EnvironmentFault(f"{bad} files could not be backed up intact; nothing was de-identified")

    def _parts(self, rows: list[ReadFile]) -> tuple[dict[str, Decision], list[Part]]:
        """Verdicts of what goes no further, and series with their places in the output; empties `rows`."""
        settings, root = self.settings, str(self.located.root)
        places = {row.entry.path: row.place for row in rows}
        cohort = group_by(_taken(rows), settings, defacing=False)
        identities = self.vault.identify(persons(cohort), settings.ids, settings.sessions)
        wishes = wishes_of(settings, self.profile)
        parts: list[Part] = []
        for subject in sorted(cohort.subjects, key=lambda one: identities[one.key].pseudonym):
            identity = identities[subject.key]
            order = work_order(subject, identity, self.vault.keys, root, wishes, with_files=False)
            parts += parts_of(subject, identity, order, settings.layout, places)
        return cohort.verdicts, parts

    def _cleaned(
        self, parts: Sequence[Part], signatures: dict[str, tuple[int, ...]], numbers: dict[str, int]
    ) -> Iterator[list[Done]]:
        settings = self.settings
        record = self._record() if self._remembers else None
        units = Units(settings.out, settings.layout, record)
        if not settings.dry_run:
            public_folder(settings.out, "output")
        batches = self._batches(parts, units, signatures, numbers)
        with Pool("deidflow.bulk.work:clean_batch", self._workers, self._limit) as pool:
            for done in pool.map(batches, lost):
                if not settings.dry_run:
                    units.finish(done)
                yield done

    def _record(self) -> Path:
        folder = self.vault.folder / "work" / "anonymize" / digest_of(str(self.settings.out))[:16]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _batches(
        self, parts: Sequence[Part], units: Units, signatures: dict[str, tuple[int, ...]], numbers: dict[str, int]
    ) -> Iterator[Batch]:
        """The sessions' tasks in batches that are neither tiny nor large."""
        for order, own in _by_session(parts):
            tasks = [
                Task(numbers[path], path, folder, name, part.series, part.bin_trigger_time)
                for part in own
                for path, folder, name in part.targets
            ]
            basis = [replace(order, source="").content_digest(order.sessions[0].label), self.profile.model_dump_json()]
            left = units.plan(tasks, basis, signatures)
            self.reused += len(tasks) - len(left)
            staging = "" if self.settings.dry_run else str(units.staging)
            audited = self.settings.dry_run or self.settings.audit is not None
            common = Common(order, self.profile, str(self.located.root), staging, audited)
            for start in range(0, len(left), _BATCH):
                yield Batch(common, left[start : start + _BATCH])

    def _summary(self, verdicts: dict[str, Decision], subjects: int, numbers: dict[str, int]) -> Result:
        held_back = [NotReleased(numbers[path], verdict, reason) for path, (verdict, reason) in verdicts.items()]
        held_back += [
            NotReleased(one.task.number, one.verdict, one.reason or Reason.UNEXPECTED)
            for one in self.done
            if one.verdict is not Verdict.RELEASED
        ]
        held_back.sort(key=lambda one: one.number)
        counts = Counter(one.verdict.value for one in held_back)
        counts[Verdict.RELEASED.value] = len(numbers) - len(held_back)
        plan = write_audit(self.settings, self.done, self.vault, held_back, numbers)
        return Result(
            out=self.settings.out,
            files=len(numbers),
            verdicts={verdict.value: counts[verdict.value] for verdict in Verdict},
            subjects=subjects,
            reused=self.reused,
            not_released=tuple(held_back),
            warnings=tuple(self._warnings()),
            plan=plan,
        )

    def _warnings(self) -> Iterator[str]:
        if self.settings.ids.strategy == "none":
            yield "identity strategy none: patient IDs stay as they are"
        if not is_complete(self.profile):
            yield f"profile {self.profile.name}: the output is not de-identified by PS3.15"
        if self.settings.vault is None:
            yield "no vault: pseudonyms and shifted dates come from a secret that is thrown away, another one each time"


def _taken(rows: list[ReadFile]) -> Iterator[Entry]:
    """The entries, while the rows are let go."""
    rows.reverse()
    while rows:
        yield rows.pop().entry


def _by_session(parts: Sequence[Part]) -> Iterator[tuple[Any, list[Part]]]:
    own: list[Part] = []
    for part in parts:
        if own and part.order is not own[0].order and part.order != own[0].order:
            yield own[0].order, own
            own = []
        own.append(part)
    if own:
        yield own[0].order, own
