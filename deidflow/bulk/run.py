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

from deidflow.bulk.audit import check_audit, write_audit, write_description
from deidflow.bulk.batches import by_session, by_subject, in_batches, tasks_of
from deidflow.bulk.instances import instance_rows
from deidflow.bulk.locate import Located, locate
from deidflow.bulk.output import PendingUnits, SessionTasks, check_output, make_way, output_held
from deidflow.bulk.places import check_apart, check_kept, missing
from deidflow.bulk.read import ReadFile, read_all, with_hashes
from deidflow.bulk.result import NotReleased, Result
from deidflow.bulk.targets import Part, parts_of
from deidflow.bulk.work import Common, Done, Task, back_up_batch, clean_batch, lost
from deidflow.dicom.grouping import Decision
from deidflow.dicom.inventory import Entry
from deidflow.errors import EnvironmentFault
from deidflow.header.contacts import Attribute, contact_warnings
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.identity.cohort import group_by, order_options, refuse_mixed_folders
from deidflow.identity.neighbours import write_neighbours
from deidflow.identity.orders import persons, work_order
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.identity.workorder import WorkOrder
from deidflow.release.instances import write_instances
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.settings.effective import effective_profile
from deidflow.settings.profile_warnings import profile_warnings
from deidflow.store.faults import fault_of
from deidflow.store.files import digest_of
from deidflow.store.locks import held
from deidflow.store.pool import Pool, PoolBatch
from deidflow.store.process import memory_for
from deidflow.store.scratch import private_folder
from deidflow.verdicts import Reason, Verdict

_BATCH = 400


def run(settings: AnonymizeSettings) -> Result:
    """De-identify the headers of every file of the sources into the output folder.

    Raises UsageError and ConfigError before anything is written, EnvironmentFault where the machine lacks
    something, ReleaseBusy where another call is at work on the output.
    """
    try:
        return _run(settings)
    except OSError as error:
        raise fault_of(error) from None


def _run(settings: AnonymizeSettings) -> Result:
    located, profile = locate(settings.sources), effective_profile(settings)
    compile_profile(profile)
    check_output(settings)
    check_audit(settings)
    with ExitStack() as stack:
        stack.callback(os.umask, os.umask(0o077))
        _without_collector(stack)
        if not settings.dry_run:
            stack.enter_context(output_held(settings))
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
    contacts: Counter[Attribute] = field(default_factory=Counter)

    def result(self) -> Result:
        """Do everything."""
        settings = self.settings
        self._back_up()
        rows = read_all(
            self.located, self._workers, self._limit, force=settings.force, signed=self._remembers
        )
        rows = with_hashes(self.located.root, rows)
        signatures = {row.entry.path: row.signature for row in rows} if self._remembers else {}
        verdicts, parts = self._parts(rows)
        released = {(part.order.pseudonym, part.order.sessions[0].label) for part in parts}
        numbers = {path: number for number, path in enumerate(self.located.everything, 1)}
        self._check_places(parts)
        for done in self._cleaned(parts, signatures, numbers):
            self.contacts.update(attribute for one in done for attribute in one.contacts)
            self.done += [
                one for one in done if one.verdict is not Verdict.RELEASED or one.differences
            ]
        if not settings.dry_run:
            self._count(parts, numbers)
            self._write_instances(parts, verdicts)
            self.vault.mark_published(sorted(released))
            write_description(settings, self.profile)
        return self._summary(verdicts, len({pseudonym for pseudonym, _ in released}), numbers)

    def _check_places(self, parts: Sequence[Part]) -> None:
        """Refuse what would lose an output, before the first is written."""
        settings = self.settings
        check_apart(parts, settings.layout)
        if settings.on_exists == "resume" and self._remembers:
            sources = {str(self.located.root / path) for path in self.located.paths}
            check_kept(parts, sources, self._record(), settings.out, settings.layout)

    def _count(self, parts: Sequence[Part], numbers: dict[str, int]) -> None:
        """Let the output say what is released: a file that is not there has failed."""
        held_back = {one.task.path for one in self.done if one.verdict is not Verdict.RELEASED}
        lost_paths = {
            target.path: target for target in missing(parts, self.settings.out, held_back)
        }
        self.done = [one for one in self.done if one.task.path not in lost_paths]
        for target in lost_paths.values():
            task = Task(
                numbers[target.path],
                target.path,
                target.folder,
                target.name,
                "",
                False,
                target.sop_uid,
            )
            self.done.append(Done(task, Verdict.FAILED, Reason.OUTPUT_MISSING, (), ()))

    def _write_instances(self, parts: Sequence[Part], verdicts: dict[str, Decision]) -> None:
        """The vault's table from source files to released files, one for each output folder."""
        settings = self.settings
        if settings.vault is None:
            return
        ends = {one.task.path: one.verdict for one in self.done}
        retained = "retain_uids" in self.profile.options
        rows = list(instance_rows(self.located.root, parts, ends, verdicts, kept=retained))
        place = digest_of(str(settings.out))[:8]
        name = f"anonymize-{settings.project}-{settings.level}-{place}.csv"
        write_instances(self.vault.folder / "instances" / name, rows, settings.out)

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
        batches = (
            PoolBatch(common, paths[start : start + _BATCH])
            for start in range(0, len(paths), _BATCH)
        )
        with Pool(back_up_batch, self._workers, self._limit) as pool:
            bad = sum(len(found) for found in pool.map(batches, lambda batch, _: list(batch.items)))
        if bad:
            raise EnvironmentFault(
                f"{bad} files could not be backed up intact; nothing was de-identified"
            )

    def _parts(self, rows: list[ReadFile]) -> tuple[dict[str, Decision], list[Part]]:
        """Verdicts of what goes no further, and series with their places in the output; empties `rows`."""
        settings, root = self.settings, str(self.located.root)
        places = {row.entry.path: row.place for row in rows}
        cohort = group_by(_taken(rows), settings, defacing=False, known=self.vault.demographics)
        refuse_mixed_folders(cohort, self.vault.folder if self._remembers else None)
        identities = self.vault.identify(persons(cohort), settings.ids, settings.sessions)
        key = self.vault.keys.derive("hash")
        write_neighbours(cohort, identities, self.located.root, self._others, key, with_uids=False)
        wishes = order_options(settings, self.profile)
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
        units = PendingUnits(settings.out, settings.layout, self.located.root, record)
        if not settings.dry_run:
            make_way(settings)
        batches = self._batches(parts, units, signatures, numbers)
        with Pool(clean_batch, self._workers, self._limit) as pool:
            for done in pool.map(batches, lost):
                if not settings.dry_run:
                    units.finish(end for end in done if units.is_to_do(end.task))
                yield done

    @property
    def _others(self) -> Path:
        """What identifies the patients of this call, for the search in headers of others."""
        return self.vault.folder / "work" / "anonymize" / "others"

    def _record(self) -> Path:
        folder = self.vault.folder / "work" / "anonymize" / digest_of(str(self.settings.out))[:16]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _batches(
        self,
        parts: Sequence[Part],
        units: PendingUnits,
        signatures: dict[str, tuple[int, ...]],
        numbers: dict[str, int],
    ) -> Iterator[PoolBatch]:
        """The sessions' tasks in batches that are neither tiny nor large."""
        for subject in by_subject(parts):
            sessions = [
                (order, SessionTasks(self._rules(order), list(tasks_of(own, numbers))))
                for order, own in by_session(subject)
            ]
            units.plan([session for _, session in sessions], signatures)
            for order, session in sessions:
                yield from self._session_batches(order, session.tasks, units)

    def _rules(self, order: WorkOrder) -> list[str]:
        """What decides how the files of a session come out."""
        content = replace(order, source="").content_digest(order.sessions[0].label)
        return [content, self.profile.model_dump_json()]

    def _session_batches(
        self, order: WorkOrder, tasks: list[Task], units: PendingUnits
    ) -> Iterator[PoolBatch]:
        settings = self.settings
        staging = "" if settings.dry_run else str(units.staging)
        audited = settings.dry_run or settings.audit is not None
        common = Common(
            order, self.profile, str(self.located.root), staging, audited, str(self._others)
        )
        left = [task for task in tasks if units.is_to_do(task)]
        there = [task for task in tasks if not units.is_to_do(task)]
        self.reused += len(there)

        yield from in_batches(common, left)
        if settings.audit is not None:
            yield from in_batches(replace(common, compared=str(settings.out)), there)

    def _summary(
        self, verdicts: dict[str, Decision], subjects: int, numbers: dict[str, int]
    ) -> Result:
        held_back = [
            NotReleased(numbers[path], verdict, reason)
            for path, (verdict, reason) in verdicts.items()
        ]
        held_back += [
            NotReleased(one.task.number, one.verdict, one.reason or Reason.UNEXPECTED, one.detail)
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
        yield from profile_warnings(self.settings, self.profile)
        yield from contact_warnings(self.contacts)
        if self.settings.vault is None:
            yield "no vault: pseudonyms and shifted dates come from a secret that is thrown away, another one each time"


def _taken(rows: list[ReadFile]) -> Iterator[Entry]:
    """The entries, while the rows are let go."""
    rows.reverse()
    while rows:
        yield rows.pop().entry
