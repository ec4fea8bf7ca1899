"""What the pages say: facts of a release and of its last run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from deidflow.release.dataset import ReviewRow
from deidflow.verdicts import Verdict


@dataclass(frozen=True)
class Dataset:
    """What dataset.json says of the release."""

    release_id: str
    project: str
    level: str
    version: str
    standard: str
    profile_name: str
    profile_digest: str
    faces: str
    codes: tuple[str, ...]
    notes: tuple[str, ...]
    tools: tuple[tuple[str, str], ...]
    is_deidentified: bool
    review: ReviewRow | None = None
    """How far people are who look at a sample; None where faces are kept."""


@dataclass(frozen=True)
class ReasonCount:
    """Files of one verdict and reason."""

    verdict: str
    reason: str
    files: int


@dataclass(frozen=True)
class Counts:
    """How the last run ended: files by verdict and reason; they add up to the files found."""

    files: int
    verdicts: Mapping[str, int]
    reasons: tuple[ReasonCount, ...]
    absent: int
    gone: int

    def of(self, verdict: Verdict) -> int:
        """Files with this verdict."""
        return self.verdicts.get(verdict.value, 0)


@dataclass(frozen=True)
class SeriesFacts:
    """One series of one session."""

    name: str
    state: str
    verdict: str
    step: str
    reason: str
    instances: int
    detail: str = ""
    """What the step added to the reason: a gate's test, or the attributes of findings."""
    how: str = ""
    """`reference` where the series was registered itself; else how the mask was carried to it."""
    margin_mm: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    by_person: tuple[str, ...] = ()
    """What people asked for on which the mask rests, or that there is none."""

    @property
    def modality(self) -> str:
        """The modality in the series' name."""
        return self.name.rpartition("-")[2]

    @property
    def is_released(self) -> bool:
        """Whether the series is part of the release."""
        return self.verdict == Verdict.RELEASED.value


@dataclass(frozen=True)
class SessionFacts:
    """One session: its series, and whether it is published."""

    subject: str
    label: str
    published: bool
    series: tuple[SeriesFacts, ...]
    findings: int = 0
    doubtful: int = 0
    failed_step: str = ""

    @property
    def released(self) -> tuple[SeriesFacts, ...]:
        """The series that went out."""
        return tuple(series for series in self.series if series.is_released)

    @property
    def is_withdrawn(self) -> bool:
        """Whether somebody took the session out of the release after the run."""
        return bool(self.released) and not self.published


@dataclass(frozen=True)
class SubjectFacts:
    """One subject of the release or of the vault's work."""

    pseudonym: str
    sessions: tuple[SessionFacts, ...]

    @property
    def published(self) -> tuple[SessionFacts, ...]:
        """The sessions that are in the release."""
        return tuple(session for session in self.sessions if session.published)

    @property
    def instances(self) -> int:
        """Released instances."""
        total = 0
        for session in self.published:
            total += sum(series.instances for series in session.released)
        return total


@dataclass(frozen=True)
class HeldGroup:
    """Files that are not released for one reason, of one series or of none."""

    subject: str
    session: str
    series: str
    verdict: str
    step: str
    reason: str
    words: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class ReleaseFacts:
    """Everything that the pages say."""

    dataset: Dataset
    counts: Counts
    subjects: tuple[SubjectFacts, ...]

    def sessions(self) -> Iterator[SessionFacts]:
        """All sessions, subject by subject."""
        for subject in self.subjects:
            yield from subject.sessions

    def published(self) -> Iterator[SessionFacts]:
        """The sessions that are in the release."""
        return (session for session in self.sessions() if session.published)

    @property
    def withdrawn(self) -> int:
        """Sessions taken out of the release after the run, which its counts do not know."""
        return sum(session.is_withdrawn for session in self.sessions())

    def released_series(self) -> Iterator[SeriesFacts]:
        """The series that are in the release."""
        for session in self.published():
            yield from session.released
