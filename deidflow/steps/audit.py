"""The headers of a session in the vault's audit: a segment, and its end in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from deidflow.audit.ledger import Event, Ledger, audit_folder
from deidflow.audit.recorder import Recorder
from deidflow.audit.sealing import SubjectKeys
from deidflow.audit.segment import SegmentWriter
from deidflow.header.cleaner import HeaderCleaner
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder
from deidflow.release.layout import Layout
from deidflow.steps.results import AnonymizedSeries, Held, ReconstructResult
from deidflow.steps.step import StepJob
from deidflow.verdicts import Verdict

SeriesEnds = Mapping[str, AnonymizedSeries | Held]


@dataclass
class SessionRecording:
    """What one session's step writes into the audit."""

    ledger: Ledger
    order: WorkOrder
    label: str
    recorder: Recorder
    writer: SegmentWriter
    files: Counter[str] = field(default_factory=Counter)
    """Series -> files whose headers were de-identified."""
    attributes: int = 0

    @classmethod
    def start(cls, job: StepJob, order: WorkOrder) -> SessionRecording:
        """A new segment."""
        ledger = ledger_of(job.layout, order)
        return cls(
            ledger,
            order,
            job.label,
            Recorder(SubjectKeys(bytes.fromhex(order.audit_key))),
            SegmentWriter.create(
                ledger.folder,
                ledger.key,
                order.pseudonym,
            ),
        )

    def file(self, cleaner: HeaderCleaner, series: SeriesOrder, number: int) -> None:
        """Record the file that was de-identified last."""
        if cleaner.trail is None:
            return
        changes = self.recorder.file(
            cleaner.trail,
            instance_name(self.label, series, number),
            self._source(series, number),
            is_staged=True,
        )
        self.files[series.name] += 1
        self.attributes += changes.count
        self.writer.add(self.recorder.taken())

    def _source(self, series: SeriesOrder, number: int) -> str:
        return f"{self.order.source}/{series.files[number - 1].path}"

    def end(self, session: SessionOrder, ends: SeriesEnds) -> None:
        """Record what was held back, and note in the ledger where the segment ends."""
        failed = 0
        for series in session.series:
            end = ends[series.name]
            if isinstance(end, Held):
                failed += len(series.files)
                self._hold(series, end)
        self.writer.add(self.recorder.taken())
        self.ledger.add(
            Event.SEGMENT,
            {
                "subject": self.order.pseudonym,
                "session": self.label,
                "held": failed,
                "attributes": self.attributes,
                **self.writer.end()._asdict(),
            },
        )

    def _hold(self, series: SeriesOrder, end: Held) -> None:
        for number in range(1, len(series.files) + 1):
            self.recorder.held(
                f"{self.label}/{series.name}",
                self._source(series, number),
                Verdict.QUARANTINED,
                end.reason,
            )


def ledger_of(layout: Layout, order: WorkOrder) -> Ledger:
    """The ledger of a run, for any process that has a work order."""
    folder = audit_folder(
        layout.vault,
        layout.project,
        layout.level,
    )
    return Ledger(folder, bytes.fromhex(order.ledger_key))


def note_published(job: StepJob) -> None:
    """Note that a session is in the release, and how each of its series was built."""
    order, _ = job.read_order()
    built = job.output("reconstruct", ReconstructResult).result
    states = {name: series.state.value for name, series in built.series.items()}
    ledger_of(job.layout, order).add(
        Event.PUBLISHED,
        {
            "subject": job.pseudonym,
            "session": job.label,
            "series": states,
        },
    )


def instance_name(label: str, series: SeriesOrder, number: int) -> str:
    """What the audit calls a file of a run until it is published."""
    return f"{label}/{series.name}/{number:06d}"
