"""A nightly run over a large cohort of which nearly everybody is up to date; steps do nothing.

    PYTHONPATH=. .venv/bin/python benchmarks/nightly.py [SUBJECTS] [FOLDER]

SUBJECTS (1,000 by default; 10,000 need 9 GB) of 100 small files are made in FOLDER, or in a
temporary one, and a quarter as many. Their first run takes no Prefect and writes small files in
the place of a session's; then come, as `deidflow run` does them: a run with nothing new, one with
five new subjects, and the same again in one process per figure. CPU counts all processes. The
bounds, for 10,000: 60 s with five new subjects; CPU of a subject must not grow with their number.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from measure import cost
from small_files import INSTANCES, make_small_files

from deidflow.cli.run import summary_of_run
from deidflow.header.uids import UidMap
from deidflow.identity.vault import Vault
from deidflow.run.context import Run
from deidflow.run.discovery import RunBatch, discover_batch
from deidflow.run.outcome import session_outcome, write_outcome
from deidflow.run.report import write_report
from deidflow.run.session import SessionRun, open_steps
from deidflow.run.standing import StandingSubjects
from deidflow.run.start import locked_run
from deidflow.run.summary import read_summary
from deidflow.run.unchanged import Surroundings
from deidflow.settings.load import load_settings
from deidflow.settings.run import RunSettings
from deidflow.states import SeriesState
from deidflow.steps import STEPS
from deidflow.steps.results import (
    AnonymizedSeries,
    AnonymizeResult,
    BuiltSeries,
    ConvertedSeries,
    ConvertResult,
    ReconstructResult,
)
from deidflow.steps.step import StepJob
from deidflow.steps.verify import VerifyResult
from deidflow.store.children import Children
from deidflow.store.files import write_json_atomic

NEW = 5
"""Subjects that come between two nights."""
_ONE = "--one"
_NOT_READ = "burned_in: {read: never}\n"
_MIB = 1 << 20
_MILLI = 1000
_SOP_UID = re.compile(rb"1\.2\.276\.0\.7230010\.3\.\d+\.3\.\d+")
_STORED = b"1.2.840.10008.5.1.4.1.1.4\0"


class Night(NamedTuple):
    """What a run cost: CPU seconds, and MiB of the largest process."""

    cpu: float
    peak: float


def main() -> None:
    """Print what the nights cost."""
    if _ONE in sys.argv:
        _, _, kind, root = sys.argv
        _do(kind, Path(root))
        return

    subjects = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    if len(sys.argv) > 2:
        _compare(subjects, Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        _compare(subjects, Path(folder))


def _compare(subjects: int, root: Path) -> None:
    few = subjects // 4
    small = _nights(few, root / f"{few}")
    large = _nights(subjects, root / f"{subjects}")
    for kind, night in large.items():
        growth = (night.cpu - small[kind].cpu) / (subjects - few) * _MILLI
        share = night.cpu / subjects * _MILLI
        print(f"{kind}: {growth:.2f} ms for each subject more, {share:.2f} ms in the mean")


def _nights(subjects: int, root: Path) -> dict[str, Night]:
    """Make a cohort, run it, and measure the nights after."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "config.yaml").write_text(_NOT_READ)
    shutil.rmtree(root / "source", ignore_errors=True)
    for name in ("vault", "release"):
        shutil.rmtree(root / name, ignore_errors=True)
    make_small_files(root / "source", subjects * INSTANCES)

    nights = {"first run, without Prefect": _night("first", root)}
    nights["nothing new"] = _night("night", root)
    for number in range(2):
        make_small_files(root / "source", NEW * INSTANCES, subjects + number * NEW)
        nights[f"five new subjects, night {number + 1}"] = _night("night", root)
    for kind, night in nights.items():
        print(
            f"{subjects:,} subjects, {kind}: {night.cpu:.1f} CPU s, {night.peak:.0f} MiB",
            flush=True,
        )
    return nights


def _night(kind: str, root: Path) -> Night:
    measured = cost((sys.executable, __file__, _ONE, kind, root))
    return Night(measured.cpu, measured.peak)


def _do(kind: str, root: Path) -> None:
    """A run in this process."""
    flags = {
        "source": root / "source",
        "release": root / "release",
        "vault": root / "vault",
        "level": "low",
        "workers": 2,
    }
    settings = load_settings(flags, root / "config.yaml")
    with nothing_to_compute():
        if kind == "first":
            _first_run(settings)
            return
        summary = summary_of_run(settings, quiet=True)
    raise SystemExit(summary.exit_code)


def _first_run(settings: RunSettings) -> None:
    """A run without Prefect, which takes most of the time of steps that do nothing."""
    with locked_run(settings) as vault:
        surroundings = Surroundings.of(settings, vault)
        run = Run.start("first", settings)
        batch = discover_batch(settings, run.layout, vault, run.children)
        try:
            _work_through(run, vault, batch)
        finally:
            batch.listing.close()
            run.end()
        summary = read_summary(run.layout.summary)
        if summary is not None:
            surroundings.note_end(summary)


def _work_through(run: Run, vault: Vault, batch: RunBatch) -> None:
    from deidflow.identity.workorder import read_order
    from tasks.common import perform

    for ordered in batch.orders:
        order = read_order(run.layout.order(ordered.pseudonym))
        sessions = [SessionRun(run, order, session) for session in order.sessions]
        for session in sessions:
            for step in open_steps(session):
                perform(session, step)
        outcomes = {session.label: session_outcome(session) for session in sessions}
        write_outcome(run.layout.outcome(ordered.pseudonym), outcomes)

    write_report(run, vault, batch)
    standing = StandingSubjects(run)
    for ordered in batch.orders:
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
    return AnonymizeResult({name: AnonymizedSeries(INSTANCES) for name in _names(job)})


def _converted(job: StepJob) -> ConvertResult:
    return ConvertResult({name: ConvertedSeries(("",)) for name in _names(job)})


def _built(job: StepJob) -> ReconstructResult:
    """A session with one small file for each of the source, under its released UID."""
    order, session = job.read_order()
    uids = UidMap(bytes.fromhex(order.uid_key), order.uid_root)
    rows = []
    for series in session.series:
        folder = job.scratch / series.name / "dicom"
        folder.mkdir(parents=True)
        for number, file in enumerate(series.files, 1):
            [uid] = set(_SOP_UID.findall((Path(order.source) / file.path).read_bytes()))
            (folder / f"slice_{number:03d}.dcm").write_bytes(_instance(uids(uid.decode())))
        rows.append({"series": series.name, "state": "anonymized", "instances": INSTANCES})
    write_json_atomic(job.scratch / "session.json", {"session": job.label, "series": rows})
    job.masks.mkdir(exist_ok=True)
    built = BuiltSeries(SeriesState.RELEASED, INSTANCES)
    return ReconstructResult(dict.fromkeys(_names(job), built))


def _verified(_job: StepJob) -> VerifyResult:
    return VerifyResult((), {})


_RESULTS: dict[str, Callable[[StepJob], Any]] = {
    "anonymize": _anonymized,
    "convert": _converted,
    "reconstruct": _built,
    "verify": _verified,
}


def _names(job: StepJob) -> list[str]:
    _, session = job.read_order()
    return [series.name for series in session.series]


def _instance(uid: str) -> bytes:
    """A DICOM file of two elements."""
    padded = uid.encode() + b"\0" * (len(uid) % 2)
    syntax = _element(2, 0x10, b"1.2.840.10008.1.2.1\0")
    meta = _element(2, 2, _STORED) + _element(2, 3, padded) + syntax
    length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta))
    return (
        bytes(128)
        + b"DICM"
        + length
        + meta
        + _element(8, 0x16, _STORED)
        + _element(8, 0x18, padded)
    )


def _element(group: int, number: int, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, number, b"UI", len(value)) + value


if __name__ == "__main__":
    os.umask(0o077)
    main()
