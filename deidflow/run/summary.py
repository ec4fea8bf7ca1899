"""The sum of a run: counts only, and the exit code that they ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from deidflow.errors import DeidflowError
from deidflow.release.layout import Layout
from deidflow.run.batch import RunBatch
from deidflow.run.files import FileEnd
from deidflow.run.outcome import Contact, SessionOutcome, read_outcome
from deidflow.states import StepState
from deidflow.store.files import read_json, write_json_atomic
from deidflow.verdicts import Reason, Verdict

SCHEMA = 1
_CHECK_FAILED = (Reason.LEAK_FOUND, Reason.PIXELS_DIFFER, Reason.CHECK_FAILED)
ReasonCount = tuple[Verdict, Reason, int]
"""A verdict, why files got it, and how many."""
OutcomeRow = tuple[str, str, SessionOutcome]
"""Pseudonym, label, and how the session ended."""


@dataclass(frozen=True)
class SessionCounts:
    """One session of a run."""

    subject: str
    session: str
    series: Mapping[str, int]
    """State -> series."""
    failed: str
    """The step that ended without a result."""
    steps: Mapping[str, StepState]

    @property
    def has_news(self) -> bool:
        """Whether this run worked on the session, or failed to."""
        return bool(self.failed) or any(
            state is not StepState.CACHED for state in self.steps.values()
        )

    @property
    def is_written(self) -> bool:
        """Whether this run built what is released of the session."""
        return self.steps.get("reconstruct") not in (None, StepState.CACHED)


class RunSummary(BaseModel):
    """How a run ended. With `error` it did not get to the end, and the counts mean nothing."""

    model_config = ConfigDict(frozen=True)

    summary_schema: int = SCHEMA
    run: str
    exit_code: int
    error: str = ""
    files: int = 0
    verdicts: dict[Verdict, int] = {}
    reasons: tuple[ReasonCount, ...] = ()
    absent: int = 0
    """Files that a DICOMDIR lists and that are not there."""
    gone: int = 0
    """Published sessions that the source does not hold any more."""
    sessions: tuple[SessionCounts, ...] = ()
    contacts: tuple[Contact, ...] = ()
    has_news: bool = False
    """Whether other files are held back, or for other reasons, than in the run before."""
    rows: int = 0
    """Tasks that Prefect shows of the run."""
    server_lost: bool = False
    """Whether the Prefect server went away during the run."""

    def write(self, path: Path) -> None:
        """Keep the summary in the vault."""
        write_json_atomic(
            path,
            self.model_dump(mode="json"),
        )

    def updated(self, **changes: int | bool) -> RunSummary:
        """The same summary with other values."""
        return self.model_copy(update=changes)


def read_summary(path: Path) -> RunSummary | None:
    """The summary of the last run; None where none (understood) is kept."""
    content = read_json(path)
    if not isinstance(content, dict) or content.get("summary_schema") != SCHEMA:
        return None
    try:
        return RunSummary(**content)
    except ValidationError:
        return None


def failed_summary(run: str, error: DeidflowError) -> RunSummary:
    """The summary of a run that did not get to the end."""
    return RunSummary(
        run=run,
        exit_code=error.exit_code,
        error=str(error),
    )


@dataclass
class Tally:
    """How many files have which verdict, and which reason."""

    ends: Counter[tuple[Verdict, Reason | None]] = field(default_factory=Counter)

    def add(self, ends: Iterable[FileEnd]) -> None:
        """Count files."""
        self.ends.update((end.verdict, end.reason) for end in ends)

    def add_counts(self, counts: Iterable[tuple[Verdict, Reason | None, int]]) -> None:
        """Count files that were counted before."""
        for verdict, reason, files in counts:
            self.ends[verdict, reason] += files

    def counts(self) -> list[tuple[Verdict, Reason | None, int]]:
        """The counts, for `add_counts`."""
        return [(*end, files) for end, files in self.ends.items()]

    @property
    def verdicts(self) -> Counter[Verdict]:
        """Verdict -> files."""
        verdicts: Counter[Verdict] = Counter()
        for (verdict, _), files in self.ends.items():
            verdicts[verdict] += files
        return verdicts

    @property
    def reasons(self) -> Counter[tuple[Verdict, Reason]]:
        """Verdict and reason -> files that have one."""
        counts = {
            (verdict, reason): files
            for (verdict, reason), files in self.ends.items()
            if reason is not None
        }
        return Counter(counts)


def summarize(
    run: str,
    layout: Layout,
    batch: RunBatch,
    tally: Tally,
    outcomes: Sequence[OutcomeRow],
) -> RunSummary:
    """The summary of a run by the verdicts of all files."""
    verdicts, reasons = tally.verdicts, tally.reasons

    return RunSummary(
        run=run,
        exit_code=_exit_code(verdicts, reasons),
        files=tally.ends.total(),
        verdicts={verdict: verdicts[verdict] for verdict in Verdict},
        reasons=tuple((*reason, count) for reason, count in sorted(reasons.items())),
        absent=len(batch.absent),
        gone=len(gone_sessions(layout, batch)),
        sessions=tuple(_counts(*row) for row in outcomes),
        contacts=_contacts([outcome for _, _, outcome in outcomes]),
    )


def with_news(summary: RunSummary, before: RunSummary | None) -> RunSummary:
    """Whether the reasons differ from those of the run before."""
    known = () if before is None else before.reasons
    return summary.updated(has_news=summary.reasons != known)


def gone_sessions(layout: Layout, batch: RunBatch) -> set[tuple[str, str]]:
    """Published sessions of which the source holds nothing any more; they stay as they are."""
    present = {
        (identity.pseudonym, label)
        for identity in batch.identities.values()
        for label in identity.labels.values()
    }
    return set(layout.published_sessions()) - present


def read_outcomes(layout: Layout, batch: RunBatch) -> list[OutcomeRow]:
    """How every session ended, by pseudonym and label."""
    rows: list[OutcomeRow] = []
    for order in batch.orders:
        outcomes = read_outcome(layout.outcome(order.pseudonym))
        rows += [(order.pseudonym, label, row) for label, row in sorted(outcomes.items())]
    return rows


def _counts(subject: str, label: str, outcome: SessionOutcome) -> SessionCounts:
    states = Counter(str(series.state) for series in outcome.series.values())
    return SessionCounts(
        subject, label, dict(sorted(states.items())), outcome.failed, outcome.steps
    )


def _contacts(outcomes: Sequence[SessionOutcome]) -> tuple[Contact, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        for attribute, kind, files in outcome.contacts:
            counts[attribute, kind] += files
    return tuple((*attribute, files) for attribute, files in sorted(counts.items()))


def _exit_code(verdicts: Counter[Verdict], reasons: Counter[tuple[Verdict, Reason]]) -> int:
    if any(reason in _CHECK_FAILED for _, reason in reasons):
        return 6
    if verdicts[Verdict.FAILED]:
        return 5
    is_whole = verdicts[Verdict.RELEASED] and not verdicts[Verdict.QUARANTINED]
    return 0 if is_whole else 4
