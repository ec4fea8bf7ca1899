"""Runs whose steps do nothing: what a run costs and says beside the work of its steps."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from deidflow.dicom.inventory import read_file
from deidflow.header.uids import UidMap
from deidflow.identity.vault import Vault
from deidflow.identity.workorder import FileOrder, WorkOrder, read_order
from deidflow.run.batch import RunBatch
from deidflow.run.context import Run
from deidflow.run.discovery import discover_batch
from deidflow.run.outcome import session_outcome, write_outcome
from deidflow.run.report import write_report
from deidflow.run.session import SessionRun, open_steps
from deidflow.run.standing import StandingSubjects
from deidflow.run.start import locked_run
from deidflow.run.summary import RunSummary, read_summary
from deidflow.run.unchanged import Surroundings
from deidflow.settings.run import RunSettings
from deidflow.states import SeriesState
from deidflow.steps import STEPS
from deidflow.steps.results import (
    AnonymizedSeries,
    AnonymizeResult,
    BuiltSeries,
    ConvertedSeries,
    ConvertResult,
    DefaceResult,
    Held,
    InspectResult,
    ReconstructResult,
)
from deidflow.steps.step import StepJob
from deidflow.steps.verify import VerifyResult
from deidflow.store.children import Children
from deidflow.store.files import write_json_atomic
from deidflow.verdicts import Reason

_STORED = b"1.2.840.10008.5.1.4.1.1.4\0"
WITHHELD = "SC"
"""Series of this modality are withheld."""


def run_alone(settings: RunSettings, run_id: str = "alone") -> RunSummary:
    """A run without Prefect, which takes most of the time of steps that do nothing."""
    with nothing_to_compute(), locked_run(settings) as vault:
        surroundings = Surroundings.of(settings, vault)
        run = Run.start(run_id, settings)
        batch = discover_batch(settings, run.layout, vault, run.children)
        try:
            _work_through(run, vault, batch)
        finally:
            batch.listing.close()
            run.end()
        summary = read_summary(run.layout.summary)
        assert summary is not None
        surroundings.note_end(summary)
    return summary


def _work_through(run: Run, vault: Vault, batch: RunBatch) -> None:
    # Prefect is to be loaded by the runs that use it: it reads its settings then.
    from tasks.common import perform

    standing = StandingSubjects(run)
    unchanged = set(standing.among(batch.orders))
    worked_on = [ordered for ordered in batch.orders if ordered not in unchanged]
    for ordered in worked_on:
        order = read_order(run.layout.order(ordered.pseudonym))
        sessions = [SessionRun(run, order, session) for session in order.sessions]
        for session in sessions:
            for step in open_steps(session):
                perform(session, step)
        outcomes = {session.label: session_outcome(session) for session in sessions}
        write_outcome(run.layout.outcome(ordered.pseudonym), outcomes)

    names = frozenset(ordered.pseudonym for ordered in unchanged)
    write_report(run, vault, replace(batch, standing=names))
    for ordered in worked_on:
        standing.note(ordered)


@contextmanager
def nothing_to_compute() -> Iterator[None]:
    """Every step ends at once, with a result as if it had worked."""
    real = Children.run
    works = {step.work: step.name for step in STEPS}

    def run(children: Children, log: Path, function: Callable[..., Any], /, *arguments: Any) -> Any:
        step = works.get(function)
        if step is None:
            return real(children, log, function, *arguments)
        return _RESULTS[step](arguments[0])

    Children.run = run  # type: ignore[method-assign]
    try:
        yield
    finally:
        Children.run = real  # type: ignore[method-assign]


def _anonymized(job: StepJob) -> AnonymizeResult:
    return AnonymizeResult({name: AnonymizedSeries(1) for name in _names(job)})


def _converted(job: StepJob) -> ConvertResult:
    return ConvertResult({name: ConvertedSeries(("",)) for name in _names(job)})


def _built(job: StepJob) -> ReconstructResult:
    """A session with one small file for each of the source, under its released UID."""
    order, session = job.read_order()
    job.masks.mkdir(exist_ok=True)
    rows = []
    built: dict[str, BuiltSeries | Held] = {}
    for series in session.series:
        row = {"series": series.name, "state": "released", "instances": len(series.files)}
        if series.modality == WITHHELD:
            row["state"] = "quarantined"
            built[series.name] = Held(Reason.WITHHELD_BY_PERSON)
        else:
            _write_instances(job.scratch / series.name / "dicom", order, series.files)
            built[series.name] = BuiltSeries(SeriesState.RELEASED, len(series.files))
        rows.append(row)
    summary = {"session": job.label, "series": rows}
    write_json_atomic(job.scratch / "session.json", summary)
    return ReconstructResult(built)


def _write_instances(folder: Path, order: WorkOrder, files: Sequence[FileOrder]) -> None:
    folder.mkdir(parents=True)
    uids = UidMap(bytes.fromhex(order.uid_key), order.uid_root)
    for number, file in enumerate(files, 1):
        instance = read_file(Path(order.source), file.path).instance
        assert instance is not None
        content = _image(uids(instance.sop_uid))
        (folder / f"slice_{number:03d}.dcm").write_bytes(content)


def _verified(_job: StepJob) -> VerifyResult:
    return VerifyResult((), {})


_RESULTS: dict[str, Callable[[StepJob], Any]] = {
    "anonymize": _anonymized,
    "convert": _converted,
    "inspect": lambda _job: InspectResult({}),
    "deface": lambda _job: DefaceResult(None, (), {}),
    "reconstruct": _built,
    "verify": _verified,
}


def _names(job: StepJob) -> list[str]:
    _, session = job.read_order()
    return [series.name for series in session.series]


def _image(uid: str) -> bytes:
    """A DICOM file of two elements."""
    padded = uid.encode() + b"\0" * (len(uid) % 2)
    syntax = _element(2, 0x10, b"1.2.840.10008.1.2.1\0")
    meta = _element(2, 2, _STORED) + _element(2, 3, padded) + syntax
    length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta))
    image = _element(8, 0x16, _STORED) + _element(8, 0x18, padded)
    return bytes(128) + b"DICM" + length + meta + image


def _element(group: int, number: int, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, number, b"UI", len(value)) + value
