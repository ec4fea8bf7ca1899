"""The second pass, in the parent: sessions as batches, outcomes as they come, units into place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from deidflow.bulk.call import Call
from deidflow.bulk.output import make_way, staged_folder
from deidflow.bulk.pending import PendingUnits, SessionTasks, Signatures
from deidflow.bulk.places import missing
from deidflow.bulk.targets import SeriesTargets, Target, by_session, by_subject
from deidflow.bulk.tasks import FileOutcome, FileTask, SessionContext
from deidflow.bulk.work import clean_batch, lost
from deidflow.header.contacts import Attribute
from deidflow.identity.workorder import WorkOrder
from deidflow.store.pool import Pool, PoolBatch, in_batches
from deidflow.verdicts import Reason, Verdict


@dataclass
class Cleaning:
    """De-identifies the files of a plan, and collects what is to be reported."""

    call: Call
    series: Sequence[SeriesTargets]
    signatures: Signatures
    """Of source files, by path."""
    outcomes: list[FileOutcome] = field(default_factory=list)
    """Of files that are not released, or were compared for the audit."""
    reused: int = 0
    """Files whose outputs an earlier call had written."""
    contacts: Counter[Attribute] = field(default_factory=Counter)
    """Files by private attribute that may lead to a person."""

    def run(self) -> None:
        """De-identify everything, and count what is in the output in the end."""
        settings = self.call.settings
        units = self._units()
        if not settings.dry_run:
            make_way(settings)

        batches = self._batches(units)
        with Pool(clean_batch, self.call.workers, self.call.memory_limit) as pool:
            for outcomes in pool.map(batches, lost):
                if not settings.dry_run:
                    units.finish(row for row in outcomes if units.is_to_do(row.task))
                self._collect(outcomes)

        if not settings.dry_run:
            self._count_missing()
        self.outcomes.sort(key=lambda outcome: outcome.task.number)

    def _units(self) -> PendingUnits:
        settings = self.call.settings
        record_folder = self.call.record_folder if self.call.remembers else None
        return PendingUnits(
            out=settings.out,
            layout=settings.layout,
            root=self.call.located.root,
            record_folder=record_folder,
        )

    def _collect(self, outcomes: Sequence[FileOutcome]) -> None:
        for outcome in outcomes:
            self.contacts.update(outcome.contacts)
            if outcome.verdict is not Verdict.RELEASED or outcome.differences:
                self.outcomes.append(outcome)

    def _count_missing(self) -> None:
        """Let the output decide what is released: a file that is not there has failed."""
        held_back: set[str] = set()
        for outcome in self.outcomes:
            if outcome.verdict is not Verdict.RELEASED:
                held_back.add(outcome.task.path)

        targets: dict[str, Target] = {}
        for target in missing(self.series, self.call.settings.out, held_back):
            targets[target.path] = target
        present = [row for row in self.outcomes if row.task.path not in targets]
        self.outcomes = present + [self._missing_outcome(target) for target in targets.values()]

    def _missing_outcome(self, target: Target) -> FileOutcome:
        task = FileTask(
            number=self.call.numbers[target.path],
            path=target.path,
            folder=target.folder,
            name=target.name,
            series="",
            bin_trigger_time=False,
            sop_uid=target.sop_uid,
        )
        return FileOutcome(task, Verdict.FAILED, Reason.OUTPUT_MISSING)

    def _batches(self, units: PendingUnits) -> Iterator[PoolBatch]:
        """The sessions' tasks in batches, subject by subject."""
        for subject_series in by_subject(self.series):
            orders: list[WorkOrder] = []
            sessions: list[SessionTasks] = []
            for order, session_series in by_session(subject_series):
                orders.append(order)
                sessions.append(self._session_tasks(order, session_series))

            units.plan(sessions, self.signatures)
            for order, session in zip(orders, sessions, strict=True):
                yield from self._session_batches(order, session.tasks, units)

    def _session_tasks(self, order: WorkOrder, series: Sequence[SeriesTargets]) -> SessionTasks:
        tasks: list[FileTask] = []
        for targets in series:
            tasks += targets.tasks(self.call.numbers)
        return SessionTasks(self._rules(order), tasks)

    def _rules(self, order: WorkOrder) -> list[str]:
        """What decides how the files of a session come out."""
        label = order.sessions[0].label
        content = replace(order, source="").content_digest(label)
        return [content, self.call.profile.model_dump_json()]

    def _session_batches(
        self, order: WorkOrder, tasks: Sequence[FileTask], units: PendingUnits
    ) -> Iterator[PoolBatch]:
        """Tasks to do, and if there is an audit those that an earlier call did, to be compared."""
        to_do: list[FileTask] = []
        done: list[FileTask] = []
        for task in tasks:
            pile = to_do if units.is_to_do(task) else done
            pile.append(task)
        self.reused += len(done)

        context = self._context(order)
        yield from in_batches(context, to_do)
        if self.call.settings.audit is not None:
            earlier_outputs = str(self.call.settings.out)
            yield from in_batches(replace(context, compared=earlier_outputs), done)

    def _context(self, order: WorkOrder) -> SessionContext:
        settings = self.call.settings
        staging = "" if settings.dry_run else str(staged_folder(settings.out))
        return SessionContext(
            order=order,
            profile=self.call.profile,
            root=str(self.call.located.root),
            staging=staging,
            audited=self.call.is_audited,
            others=str(self.call.others_folder),
        )
