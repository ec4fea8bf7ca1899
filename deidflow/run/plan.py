"""What a run would do: counts of verdicts, and the end of each series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deidflow.states import SeriesState
from deidflow.steps.results import Held
from deidflow.verdicts import Reason

TO_BE_RELEASED = "to be released"


@dataclass(frozen=True)
class SeriesEnd:
    """How a series would end; without a state its face would be removed if the gate passes."""

    state: SeriesState | None
    held: Held | None = None
    text: str = ""
    """What would be done about text in its pixels, where headers suggest some."""

    @property
    def words(self) -> str:
        """The end in words."""
        end = self._end
        return f"{end}; {self.text}" if self.text else end

    @property
    def _end(self) -> str:
        if self.held is not None:
            return f"quarantined: {self.held.reason.words}"
        if self.state is None:
            return "face removed if the gate passes, else quarantined"
        is_plain = self.state is SeriesState.RELEASED
        return "released" if is_plain else f"released ({self.state})"


SeriesEnds = Mapping[tuple[str, str], SeriesEnd]
"""By session label and series name."""


@dataclass(frozen=True)
class SeriesPlan:
    """A series and what would become of it."""

    series: str
    instances: int
    incomplete: bool
    fate: str


@dataclass(frozen=True)
class SessionPlan:
    """A session and its series."""

    session: str
    series: tuple[SeriesPlan, ...]


@dataclass(frozen=True)
class SubjectPlan:
    """A subject: its pseudonym, or its number where no vault knows one."""

    subject: str | int
    sessions: tuple[SessionPlan, ...]


@dataclass(frozen=True)
class VerdictPlan:
    """How many files would get a verdict, and why."""

    verdict: str
    reason: Reason | None
    files: int


@dataclass(frozen=True)
class NamePlan:
    """The BIDS name that an image would get, or why it would get none."""

    subject: str | int
    session: str
    series: str
    name: str
    """The path below the session's folder; empty without a name."""
    why: str = ""
    line: str = ""
    """The rule that would name it."""


@dataclass(frozen=True)
class RunPlan:
    """What a run would do."""

    files: int
    level: str
    verdicts: tuple[VerdictPlan, ...]
    subjects: tuple[SubjectPlan, ...]
    absent: int
    """Files that a DICOMDIR lists and that are not there."""
    warnings: tuple[str, ...]
    names: tuple[NamePlan, ...] = ()
    """BIDS names, where they are asked for."""

    @property
    def going_out(self) -> int:
        """Files that would be released."""
        return sum(row.files for row in self.verdicts if row.verdict == TO_BE_RELEASED)
