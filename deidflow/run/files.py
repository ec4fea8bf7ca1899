"""The end of every file found in the source: one verdict each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deidflow.dicom.grouping import Subject
from deidflow.dicom.persons import Member
from deidflow.identity.workorder import WorkOrder, read_order
from deidflow.release.layout import Layout
from deidflow.release.tables import FileRow
from deidflow.run.batch import OrderedSubject, RunBatch
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
    sop_uid: str = ""
    """Of the source, where the file went on from discovery."""

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


@dataclass(frozen=True)
class SubjectFiles:
    """The files of a subject."""

    order: WorkOrder
    """With locators as paths."""
    sop_uids: Mapping[str, str]
    """By locator."""


_NO_OUTCOME = SeriesOutcome(
    verdict=Verdict.FAILED,
    step="subject",
    state=SeriesState.FAILED,
    instances=0,
    reason=Reason.NO_RESULT,
)


def ends_of_discovery(batch: RunBatch) -> Iterator[FileEnd]:
    """The end of each file that goes to no step."""
    pseudonyms = {key: identity.pseudonym for key, identity in batch.identities.items()}
    for file in batch.listing.decided():
        yield FileEnd(
            path="" if file.reason in UNRECORDED else file.path,
            verdict=file.verdict,
            step="discover",
            reason=file.reason,
            words=file.reason.words,
            pseudonym=pseudonyms.get(file.owner, ""),
        )
    for key in batch.not_selected:
        yield from _not_selected(batch.subject(key), pseudonyms[key])


def _not_selected(subject: Subject, pseudonym: str) -> Iterator[FileEnd]:
    reason = Reason.NOT_SELECTED
    for member in _members(subject):
        yield FileEnd(
            path=member.path,
            verdict=Verdict.EXCLUDED,
            step="discover",
            reason=reason,
            words=reason.words,
            pseudonym=pseudonym,
            sop_uid=member.instance.sop_uid,
        )


def _members(subject: Subject) -> Iterator[Member]:
    for study in subject.studies:
        for series in study.series:
            yield from series.members


def read_files(layout: Layout, batch: RunBatch, ordered: OrderedSubject) -> SubjectFiles:
    """The work order of a subject with locators instead of places, and the UIDs of its files."""
    members = list(_members(batch.subject(ordered.key)))
    order = read_order(layout.order(ordered.pseudonym))
    if batch.places:
        locators = {batch.place(member.path): Path(member.path) for member in members}
        order = order.with_places(locators)
    return SubjectFiles(
        order,
        {member.path: member.instance.sop_uid for member in members},
    )


def ends_of_subject(layout: Layout, files: SubjectFiles) -> Iterator[FileEnd]:
    """The end of each file in a work order."""
    order = files.order
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
                    sop_uid=files.sop_uids[file.path],
                )
