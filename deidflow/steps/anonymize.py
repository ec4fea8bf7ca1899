"""Anonymize: the headers of a session, each as a small file without pixels, kept in the vault."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from deidflow.header.cleaner import HeaderCleaner
from deidflow.header.contacts import Attribute, contacts, keeps_private_text
from deidflow.header.profile import OPTION_CODES
from deidflow.identity.cleaner import cleaner_for
from deidflow.identity.workorder import SeriesOrder, WorkOrder
from deidflow.steps.audit import SessionRecording
from deidflow.steps.common import each_series, read_content
from deidflow.steps.results import AnonymizedSeries, AnonymizeResult
from deidflow.steps.step import Step, StepJob


def anonymize_session(job: StepJob) -> AnonymizeResult:
    """Write `<series>/<number>.dcm`, the de-identified header of every instance of a session."""
    order, session = job.read_order()
    cleaner = cleaner_for(
        order,
        session,
        job.profile,
        explicit_out=True,
        overlay_bits_cleared=True,
    )
    cleaner.is_traced = True
    recording = SessionRecording.start(job, order)
    work = partial(
        _anonymize_series,
        job.scratch,
        order,
        cleaner,
        recording,
    )
    series = each_series(session, work)
    recording.end(session, series)

    return AnonymizeResult(series)


def _anonymize_series(
    scratch: Path,
    order: WorkOrder,
    cleaner: HeaderCleaner,
    recording: SessionRecording,
    series: SeriesOrder,
) -> AnonymizedSeries:
    folder = scratch / series.name
    folder.mkdir()
    fitted = cleaner.for_series(bin_trigger_time=series.bin_trigger_time)
    searched = keeps_private_text(cleaner.rules)
    counts = Counter[Attribute]()

    for number, file in enumerate(series.files, 1):
        content = read_content(order, file)
        header = b"".join(fitted.header(content))
        recording.file(fitted, series, number)
        target = folder / header_name(number)
        target.write_bytes(header)
        if searched:
            counts.update(contacts(header))

    rows = []
    for attribute, count in sorted(counts.items()):
        rows.append((*attribute, count))
    return AnonymizedSeries(
        instances=len(series.files),
        contacts=tuple(rows),
    )


def header_name(number: int) -> str:
    """The header file of the instance with this number in its work order."""
    return f"{number:06d}.dcm"


def _key(job: StepJob) -> list[Any]:
    return [job.content, job.profile_digest, OPTION_CODES]


ANONYMIZE = Step(
    name="anonymize",
    needs=(),
    key=_key,
    work=anonymize_session,
    result=AnonymizeResult,
    tools=("pydicom",),
    data=(
        "standard/ps315_e1_2026d.csv",
        "standard/ps315_e3_4_2026a.csv",
        "standard/content_items.yaml",
        "standard/safe_private_e3_10_1.csv",
        "standard/categories.yaml",
        "standard/defined_terms.yaml",
        "standard/placeholder_dates.yaml",
        "private/physics.yaml",
        "vocabulary/acquisition.yaml",
        "vocabulary/image_tokens.yaml",
        "vocabulary/not_identifying.yaml",
        "vocabulary/romanisation.yaml",
        "vocabulary/short_words.yaml",
    ),
)
