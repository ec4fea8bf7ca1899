"""Where every subject and step of a release stands, from the records alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deidflow.errors import UsageError
from deidflow.release.layout import Layout
from deidflow.run.outcome import SessionOutcome, read_outcome
from deidflow.run.summary import read_summary
from deidflow.states import SeriesState, StepState
from deidflow.steps import STEPS
from deidflow.store.files import read_json
from deidflow.store.locks import is_held
from deidflow.store.record import Record, StepStore
from deidflow.verdicts import Verdict


@dataclass(frozen=True)
class SessionStatus:
    """One session: the state of each step, and files of the last run."""

    subject: str
    session: str
    steps: Mapping[str, StepState]
    written: int
    """Files that were made anew."""
    reused: int
    """Files of an earlier run."""
    failed: int
    quarantined: int
    gone: bool
    """It is published, but the source does not hold it any more."""


@dataclass(frozen=True)
class ReleaseStatus:
    """A release: whether a run is at work on it, and its sessions."""

    running: bool
    interrupted: bool
    """The last run did not get to its end."""
    error: str
    sessions: tuple[SessionStatus, ...]


def status_of(release: Path, vault: Path) -> ReleaseStatus:
    """Each subject's sessions with the state of every step; needs no Prefect and no secret."""
    layout = _layout(release, vault)
    running = is_held(layout.release_lock)
    summary = read_summary(layout.summary)
    error = "" if summary is None else summary.error
    return ReleaseStatus(
        running=running,
        interrupted=not running and (bool(layout.unfinished_runs()) or bool(error)),
        error="" if running else error,
        sessions=tuple(_sessions(layout)),
    )


def _layout(release: Path, vault: Path) -> Layout:
    dataset = read_json(release / "dataset.json")
    if not isinstance(dataset, dict):
        raise UsageError("there is no release in this folder; run 'deidflow run' first")

    layout = Layout(
        release,
        vault,
        str(dataset["project"]),
        str(dataset["level"]),
    )
    if not layout.work.is_dir():
        raise UsageError("this vault did not make this release; name the vault of its run")
    return layout


def _sessions(layout: Layout) -> Iterator[SessionStatus]:
    gone = {tuple(row) for row in read_json(layout.gone_table) or []}
    for pseudonym in layout.known_subjects():
        outcomes = read_outcome(layout.outcome(pseudonym))
        for label in layout.known_sessions(pseudonym):
            outcome = outcomes.get(label, SessionOutcome({}))
            yield _session(
                layout,
                pseudonym,
                label,
                outcome,
                (pseudonym, label) in gone,
            )


def _session(
    layout: Layout, pseudonym: str, label: str, outcome: SessionOutcome, gone: bool
) -> SessionStatus:
    released = _files(outcome, Verdict.RELEASED)
    reused = outcome.steps.get("reconstruct") is StepState.CACHED

    return SessionStatus(
        subject=pseudonym,
        session=label,
        steps=_steps(layout, pseudonym, label),
        written=0 if reused else released,
        reused=released if reused else 0,
        failed=_files(outcome, Verdict.FAILED),
        quarantined=_files(outcome, Verdict.QUARANTINED),
        gone=gone,
    )


def _files(outcome: SessionOutcome, verdict: Verdict) -> int:
    return sum(series.instances for series in outcome.series.values() if series.verdict is verdict)


def _steps(layout: Layout, pseudonym: str, label: str) -> dict[str, StepState]:
    store = StepStore(layout.session_work(pseudonym, label))
    published = layout.published(pseudonym, label)
    staged = layout.staged(pseudonym, label)
    states: dict[str, StepState] = {}
    for step in STEPS:
        if step.moves:
            states[step.name] = _moved(
                store,
                published,
                states["reconstruct"],
            )
            continue
        own = store.folder / step.name
        is_staged = step.name == "reconstruct"
        states[step.name] = _state(
            store,
            step.name,
            (staged, published) if is_staged else (own,),
        )

    return states


def _moved(store: StepStore, place: Path, built: StepState) -> StepState:
    """`done` where the release holds what was built last, `stale` where it holds something else."""
    if not place.is_dir():
        return StepState.NEVER_RUN
    recorded = store.manifest("reconstruct")
    is_current = built is not StepState.STALE and recorded is not None and recorded.intact(place)
    return StepState.DONE if is_current else StepState.STALE


def _state(store: StepStore, step: str, places: tuple[Path, ...]) -> StepState:
    record = store.record(step)
    if record is None:
        return StepState.NEVER_RUN
    if record.failed:
        return StepState.FAILED
    is_there = any(record.manifest.intact(place) for place in places)
    if store.is_outdated(record) or not is_there:
        return StepState.STALE
    return StepState.QUARANTINED if _is_held(record) else StepState.DONE


def _is_held(record: Record) -> bool:
    """Whether the step withheld a series, or the outsider found something."""
    series = record.result.get("series", {}).values()
    states = {row.get("state") for row in series}
    return SeriesState.QUARANTINED in states or bool(record.result.get("findings"))
