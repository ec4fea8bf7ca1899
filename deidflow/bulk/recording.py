"""A call of `anonymize` in the vault's audit: a segment per subject, events in the ledger."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from deidflow.audit.ledger import Event, Ledger, remember_end
from deidflow.audit.segment import SegmentWriter
from deidflow.audit.unfinished import adopt_unfinished
from deidflow.bulk.call import Call
from deidflow.bulk.result import NotReleased
from deidflow.bulk.tasks import FileOutcome, FileTask
from deidflow.verdicts import Verdict

Session = tuple[str, str]
"""Pseudonym and label."""


@dataclass
class SessionTally:
    """What became of the files of one session in a call."""

    written: int = 0
    reused: int = 0
    failed: int = 0
    attributes: int = 0
    """Attributes that differ from the source's, over all files written."""


@dataclass
class CallRecording:
    """Writes what working processes recorded, before their outputs appear."""

    call: Call
    ledger: Ledger
    started: float = field(default_factory=time.monotonic)
    writers: dict[str, SegmentWriter] = field(default_factory=dict)
    """By pseudonym."""
    tallies: dict[Session, SessionTally] = field(default_factory=dict)

    @classmethod
    def start(cls, call: Call) -> CallRecording:
        """Note that a call begins, and where the segments of killed ones end."""
        ledger = Ledger.of(call.vault.folder, call.vault.keys)
        adopt_unfinished(ledger)
        remember_end(call.vault)
        ledger.add(
            Event.STARTED,
            {
                "command": "anonymize",
                "profile": call.profile.name,
                "files": len(call.numbers),
                "out": call.output_id,
            },
        )
        return cls(call, ledger)

    def add(self, outcomes: Iterable[FileOutcome]) -> None:
        """Write the records of files, subject by subject."""
        by_subject: dict[str, list[FileOutcome]] = {}
        for outcome in outcomes:
            by_subject.setdefault(outcome.task.subject, []).append(outcome)
            self._count(outcome)
        for subject, own in by_subject.items():
            records = [record for outcome in own for record in outcome.records]
            self._writer(subject).add(records)

    def _count(self, outcome: FileOutcome) -> None:
        tally = self._tally(outcome.task)
        if outcome.verdict is Verdict.RELEASED:
            tally.written += 1
            tally.attributes += outcome.changed
        else:
            tally.failed += 1

    def reuse(self, tasks: Sequence[FileTask]) -> None:
        """Count files whose outputs an earlier call had written."""
        for task in tasks:
            self._tally(task).reused += 1

    def _tally(self, task: FileTask) -> SessionTally:
        return self.tallies.setdefault((task.subject, task.session), SessionTally())

    def _writer(self, subject: str) -> SegmentWriter:
        writer = self.writers.get(subject)
        if writer is None:
            writer = SegmentWriter.create(
                self.ledger.folder,
                self.ledger.key,
                subject,
            )
            self.writers[subject] = writer
        return writer

    def end(self, verdicts: dict[str, int], held_back: Sequence[NotReleased]) -> None:
        """Note the ends of the segments, what became of each session, and of all files."""
        ends = [writer.end()._asdict() for writer in self.writers.values()]
        self.ledger.add_all((Event.SEGMENT, end) for end in ends)
        self.ledger.add_all((Event.STUDY, study) for study in self._studies())
        reasons = Counter((file.verdict.value, file.reason.value) for file in held_back)
        attributes = sum(tally.attributes for tally in self.tallies.values())
        self.ledger.add(
            Event.ENDED,
            {
                "command": "anonymize",
                "files": sum(verdicts.values()),
                "verdicts": verdicts,
                "errors": [[*reason, files] for reason, files in sorted(reasons.items())],
                "attributes": attributes,
                "seconds": round(time.monotonic() - self.started, 1),
            },
        )
        remember_end(self.call.vault)

    def _studies(self) -> Iterator[dict[str, object]]:
        for (subject, label), tally in sorted(self.tallies.items()):
            yield {"subject": subject, "session": label, **vars(tally)}
