"""Convert: dcm2niix on the source of each series, scrubbed, kept in the vault."""

from __future__ import annotations

from functools import partial
from typing import Any

from deidflow.steps.common import each_series
from deidflow.steps.results import ConvertResult
from deidflow.steps.step import Step, StepJob
from deidflow.store.gzipped import Packing


def convert_session(job: StepJob) -> ConvertResult:
    """Write `<series>/image*.nii.gz` with sidecars and gradients for every series of a session."""
    from deidflow.steps.series_images import convert_series

    order, session = job.read_order()
    work = partial(
        convert_series,
        job.scratch,
        job.log,
        job.profile,
        order,
        packing=_packing(job),
    )
    series = each_series(session, work)
    return ConvertResult(series)


def _packing(job: StepJob) -> Packing:
    """Where faces go, most of what is converted here is never released."""
    return Packing.QUICK if job.settings.defacing else Packing.RELEASED


def _key(job: StepJob) -> list[Any]:
    return [job.content, job.profile.name, job.profile.search, _packing(job)]


CONVERT = Step(
    name="convert",
    needs=(),
    key=_key,
    work=convert_session,
    result=ConvertResult,
    tools=("dcm2niix", "deflate", "pydicom"),
    data=(
        "standard/bids_files.yaml",
        "standard/sidecar_fields.yaml",
        "vocabulary/acquisition.yaml",
        "vocabulary/romanisation.yaml",
        "vocabulary/short_words.yaml",
    ),
)
