"""The second pass, in the parent: sessions as batches, outcomes as they come, units into place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from deidflow.bulk.call import Call
from deidflow.bulk.output import make_way, staged_folder
from deidflow.bulk.pending import PendingUnits, SessionTasks, Signatures
from deidflow.bulk.places import missing
from deidflow.bulk.raw_pet import raw_profile
from deidflow.bulk.recording import CallRecording
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
    raw: frozenset[str] = frozenset()
    """Paths of raw data of PET."""
    outcomes: list[FileOutcome] = field(default_factory=list)
    """Of files that are not released, or were compared for the audit."""
    reused: int = 0
    """Files whose outputs an earlier call had written."""
    contacts: Counter[Attribute] = field(default_factory=Counter)
    """Files by private attribute that may lead to a person."""
    recording: CallRecording | None = None
    """In the vault's audit, if there is a vault."""

    def run(self) -> None:
        """De-identify everything, and count what is in the output in the end."""
        call = self.call
        units = self._units()
        if call.remembers:
            self.recording = CallRecording.start(call)
        if not call.settings.dry_run:
            make_way(call.settings)

        batches = self._batches(units)
        with Pool(
            clean_batch,
            call.workers,
            call.memory_limit,
        ) as pool:
            for outcomes in pool.map(batches, lost):
                self._record(units, outcomes)
                if not call.settings.dry_run:
                    units.finish(outcomes)
                self._collect(outcomes)

        if not call.settings.dry_run:
            self._count_missing()
        self.outcomes.sort(key=lambda outcome: outcome.task.number)

    def _units(self) -> PendingUnits:
        call = self.call
        record_folder = None
        if call.remembers:
            record_folder = call.record_folder
        return PendingUnits(
            out=call.settings.out,
            layout=call.settings.layout,
            root=call.located.root,
            record_folder=record_folder,
        )

    def _record(self, units: PendingUnits, outcomes: Sequence[FileOutcome]) -> None:
        """Write the audit before outputs appear; files that were only compared are not in it."""
        if self.recording is None:
            return
        made = [outcome for outcome in outcomes if units.is_to_do(outcome.task)]
        self.recording.add(made)

    def _collect(self, outcomes: Sequence[FileOutcome]) -> None:
        for outcome in outcomes:
            self.contacts.update(outcome.contacts)
            is_released = outcome.verdict is Verdict.RELEASED
            if not is_released or outcome.differences:
                self.outcomes.append(outcome)

    def _count_missing(self) -> None:
        """Let the output decide what is released: a file that is not there has failed."""
        targets = missing(
            self.series,
            self.call.settings.out,
            held_back=self._paths_held_back(),
        )
        lost_outcomes: dict[str, FileOutcome] = {}
        for target in targets:
            outcome = self._missing_outcome(target)
            lost_outcomes[target.path] = outcome

        present: list[FileOutcome] = []
        for outcome in self.outcomes:
            path = outcome.task.path
            if path not in lost_outcomes:
                present.append(outcome)
        self.outcomes = [*present, *lost_outcomes.values()]

    def _paths_held_back(self) -> set[str]:
        """Sources of files that have no output."""
        paths: set[str] = set()
        for outcome in self.outcomes:
            if outcome.verdict is not Verdict.RELEASED:
                paths.add(outcome.task.path)
        return paths

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
        return FileOutcome(
            task=task,
            verdict=Verdict.FAILED,
            reason=Reason.OUTPUT_MISSING,
        )

    def _batches(self, units: PendingUnits) -> Iterator[PoolBatch]:
        """The sessions' tasks in batches, subject by subject."""
        for subject_series in by_subject(self.series):
            sessions = self._sessions(subject_series)
            units.plan(sessions, self.signatures)
            for session in sessions:
                yield from self._session_batches(session, units)

    def _sessions(self, subject_series: Sequence[SeriesTargets]) -> list[SessionTasks]:
        sessions: list[SessionTasks] = []
        for order, series in by_session(subject_series):
            session = self._session_tasks(order, series)
            sessions.append(session)
        return sessions

    def _session_tasks(self, order: WorkOrder, series: Sequence[SeriesTargets]) -> SessionTasks:
        tasks: list[FileTask] = []
        for targets in series:
            tasks += targets.tasks(
                self.call.numbers,
                self.call.located.places,
            )
        return SessionTasks(
            order=order,
            rules=self._rules(order),
            tasks=tasks,
        )

    def _rules(self, order: WorkOrder) -> list[str]:
        """What decides how the files of a session come out."""
        label = order.sessions[0].label
        anywhere = replace(order, source="")
        content = anywhere.content_digest(label)
        profile = self.call.profile.model_dump_json()
        return [content, profile]

    def _session_batches(self, session: SessionTasks, units: PendingUnits) -> Iterator[PoolBatch]:
        """Tasks to do; if there is an audit, those of an earlier call again without writing."""
        to_do: list[FileTask] = []
        done: list[FileTask] = []
        for task in session.tasks:
            if units.is_to_do(task):
                to_do.append(task)
            else:
                done.append(task)
        self.reused += len(done)
        if self.recording is not None:
            self.recording.reuse(done)

        context = self._context(session.order)
        yield from self._raw_apart(context, to_do)
        settings = self.call.settings
        if settings.audit is not None:
            comparison = replace(
                context,
                staging="",
                recorded=False,
            )
            yield from self._raw_apart(comparison, done)

    def _raw_apart(self, context: SessionContext, tasks: Sequence[FileTask]) -> Iterator[PoolBatch]:
        """Tasks in batches, raw data by rules of their own."""
        of_raw = replace(
            context,
            profile=raw_profile(context.profile),
            raw=True,
        )
        yield from in_batches(context, [task for task in tasks if task.path not in self.raw])
        yield from in_batches(of_raw, [task for task in tasks if task.path in self.raw])

    def _context(self, order: WorkOrder) -> SessionContext:
        call = self.call
        staging = ""
        if not call.settings.dry_run:
            staging = str(staged_folder(call.settings.out))
        return SessionContext(
            order=order,
            profile=call.profile,
            root=str(call.located.root),
            staging=staging,
            audited=call.is_audited,
            recorded=call.remembers,
            others=str(call.others_folder),
        )
