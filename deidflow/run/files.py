"""The end of every file found in the source: one verdict each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deidflow.dicom.grouping import Study
from deidflow.identity.workorder import WorkOrder
from deidflow.release.layout import Layout
from deidflow.release.tables import FileRow
from deidflow.run.discovery import RunBatch
from deidflow.run.outcome import SeriesOutcome, read_outcome
from deidflow.states import SeriesState
from deidflow.verdicts import UNRECORDED, Reason, Verdict


@dataclass(frozen=True)
class FileEnd:
    """The verdict of one file, where it is decided, and where the file is in the release."""

    path: str
    """Below the source; empty where nothing of the patient may be recorded."""
    verdict: Verdict
    step: str
    reason: Reason | None = None
    words: str = ""
    pseudonym: str = ""
    session: str = ""
    series: str = ""

    @property
    def is_released(self) -> bool:
        """Whether the file is in the release."""
        return self.verdict is Verdict.RELEASED

    def row(self) -> FileRow:
        """The end as a row of the quarantine table."""
        return FileRow(
            path=self.path,
            pseudonym=self.pseudonym,
            session=self.session,
            series=self.series,
            verdict=self.verdict,
            step=self.step,
            reason=self.reason or "",
            words=self.words,
        )


_NO_OUTCOME = SeriesOutcome(
    verdict=Verdict.FAILED,
    step="subject",
    state=SeriesState.FAILED,
    instances=0,
    reason=Reason.NO_RESULT,
)


def file_ends(layout: Layout, batch: RunBatch) -> Iterator[FileEnd]:
    """The end of each file of the source."""
    pseudonyms = {key: identity.pseudonym for key, identity in batch.identities.items()}
    yield from _decided_by_discovery(batch, pseudonyms)
    yield from _not_selected(batch, pseudonyms)
    for order in batch.orders:
        yield from _of_subject(layout, order)


def _decided_by_discovery(batch: RunBatch, pseudonyms: Mapping[str, str]) -> Iterator[FileEnd]:
    for path, (verdict, reason) in sorted(batch.cohort.verdicts.items()):
        shown_path = "" if reason in UNRECORDED else path
        owner = pseudonyms.get(
            batch.cohort.owners.get(path, ""),
            "",
        )
        yield FileEnd(
            shown_path,
            verdict,
            "discover",
            reason,
            reason.words,
            owner,
        )


def _not_selected(batch: RunBatch, pseudonyms: Mapping[str, str]) -> Iterator[FileEnd]:
    reason = Reason.NOT_SELECTED
    for subject in batch.cohort.subjects:
        if subject.key not in batch.not_selected:
            continue
        owner = pseudonyms[subject.key]
        for study in subject.studies:
            for path in _paths(study):
                yield FileEnd(
                    path,
                    Verdict.EXCLUDED,
                    "discover",
                    reason,
                    reason.words,
                    owner,
                )


def _paths(study: Study) -> Iterator[str]:
    for series in study.series:
        for member in series.members:
            yield member.path


def _of_subject(layout: Layout, order: WorkOrder) -> Iterator[FileEnd]:
    outcomes = read_outcome(layout.outcome(order.pseudonym))
    for session in order.sessions:
        outcome = outcomes.get(session.label)
        for series in session.series:
            end = _NO_OUTCOME if outcome is None else outcome.series.get(series.name, _NO_OUTCOME)
            for file in series.files:
                yield FileEnd(
                    path=file.path,
                    verdict=end.verdict,
                    step=end.step,
                    reason=end.reason,
                    words=end.words,
                    pseudonym=order.pseudonym,
                    session=session.label,
                    series=series.name,
                )
