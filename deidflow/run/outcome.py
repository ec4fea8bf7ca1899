"""How a session ended, from the results of its steps: what tables, status and exit code show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from deidflow.checks.findings import DIFFER, Finding
from deidflow.run.session import SessionRun
from deidflow.states import SeriesState, StepState
from deidflow.steps import STEPS
from deidflow.steps.publish import may_go_out
from deidflow.steps.results import AnonymizedSeries, AnonymizeResult, Held, held_series, series_of
from deidflow.steps.verify import VerifyResult, words_of
from deidflow.store.files import read_json, write_json_atomic
from deidflow.verdicts import Reason, Verdict

SCHEMA = 1
Contact = tuple[str, str, int]
"""Private attribute, what it seems to hold, in how many files."""


@dataclass(frozen=True)
class SeriesOutcome:
    """How one series ended, and at which step."""

    verdict: Verdict
    step: str
    state: SeriesState
    instances: int
    reason: Reason | None = None
    detail: str = ""

    @property
    def words(self) -> str:
        """Why, without identifiers; empty where the series is released."""
        if self.reason is None:
            return ""
        return f"{self.reason.words}: {self.detail}" if self.detail else self.reason.words


@dataclass(frozen=True)
class SessionOutcome:
    """How one session ended."""

    series: Mapping[str, SeriesOutcome]
    failed: str = ""
    """The step that ended without a result."""
    contacts: tuple[Contact, ...] = ()
    """What looks like a way to a person in private attributes of released series."""
    findings: tuple[Finding, ...] = ()
    doubtful: Mapping[str, int] = field(default_factory=dict)
    """Attribute -> single words of other people's names, which hold nothing back."""
    steps: Mapping[str, StepState] = field(default_factory=dict)
    shown: int = 0
    """Tasks that Prefect shows of this session."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True)

    outcome_schema: int
    sessions: dict[str, SessionOutcome]


def write_outcome(path: Path, sessions: Mapping[str, SessionOutcome]) -> None:
    """Keep how the sessions of a subject ended, by label."""
    file = _File(
        outcome_schema=SCHEMA,
        sessions=dict(sessions),
    )
    write_json_atomic(
        path,
        file.model_dump(mode="json"),
    )


def read_outcome(path: Path) -> Mapping[str, SessionOutcome]:
    """How the sessions of a subject ended, by label; empty where nothing (understood) is kept."""
    content = read_json(path)
    if not isinstance(content, dict) or content.get("outcome_schema") != SCHEMA:
        return {}
    try:
        return _File(**content).sessions
    except ValidationError:
        return {}


def session_outcome(session: SessionRun) -> SessionOutcome:
    """The outcome of a session whose steps have ended."""
    series = {
        order.name: _series_outcome(session, order.name, len(order.files))
        for order in session.order.series
    }
    failure = session.failure
    verified = session.finished.get("verify")
    checked = verified.result if verified is not None else VerifyResult((), {})

    return SessionOutcome(
        series=series,
        failed="" if failure is None else failure.step,
        contacts=_contacts(session, series),
        findings=checked.findings,
        doubtful=checked.doubtful,
        steps={step: _step_state(done.cached) for step, done in session.finished.items()},
        shown=session.shown,
    )


def _step_state(cached: bool) -> StepState:
    return StepState.CACHED if cached else StepState.DONE


def _series_outcome(session: SessionRun, name: str, instances: int) -> SeriesOutcome:
    failure = session.failure
    if failure is not None:
        return SeriesOutcome(
            Verdict.FAILED, failure.step, SeriesState.FAILED, instances, failure.reason
        )

    built = series_of(session.finished["reconstruct"].result)[name]
    if isinstance(built, Held):
        step = _deciding_step(session, name)
        return SeriesOutcome(
            Verdict.QUARANTINED,
            step,
            built.state,
            instances,
            built.reason,
        )
    if may_go_out(session.job()):
        return SeriesOutcome(
            Verdict.RELEASED,
            "publish",
            built.state,
            instances,
        )

    findings = session.finished["verify"].result.findings
    return SeriesOutcome(
        Verdict.QUARANTINED,
        "verify",
        SeriesState.HELD,
        instances,
        _reason_of(findings),
        words_of(findings),
    )


def _reason_of(findings: tuple[Finding, ...]) -> Reason:
    kinds = {finding.what.split(":")[0] for finding in findings}
    if "leak" in kinds:
        return Reason.LEAK_FOUND
    return Reason.PIXELS_DIFFER if DIFFER in kinds else Reason.CHECK_FAILED


def _deciding_step(session: SessionRun, name: str) -> str:
    """The earliest step that withheld the series."""
    for step in STEPS:
        done = session.finished.get(step.name)
        if done is not None and name in held_series(done.result):
            return step.name
    return "reconstruct"


def _contacts(session: SessionRun, series: Mapping[str, SeriesOutcome]) -> tuple[Contact, ...]:
    if "anonymize" not in session.finished:
        return ()
    result: AnonymizeResult = session.finished["anonymize"].result
    contacts: list[Contact] = []
    for name, outcome in series.items():
        row = result.series[name]
        if outcome.verdict is Verdict.RELEASED and isinstance(row, AnonymizedSeries):
            contacts += row.contacts
    return tuple(contacts)
