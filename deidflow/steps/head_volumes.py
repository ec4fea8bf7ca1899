"""The volumes of a session's series, as the face step reads them."""

from __future__ import annotations

from functools import partial

from deidflow.face.series import HeadSeries
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder
from deidflow.steps.common import guarded
from deidflow.steps.results import (
    ConvertResult,
    Held,
)
from deidflow.steps.step import StepJob
from deidflow.steps.volumes import read_volumes


def read_volumes_of(
    job: StepJob, order: WorkOrder, session: SessionOrder
) -> tuple[list[HeadSeries], dict[str, Held]]:
    """The volumes of each series, and the series that cannot be read."""
    readable: list[HeadSeries] = []
    unread: dict[str, Held] = {}
    for series in session.series:
        if not series.has_volumes:
            continue
        volumes = guarded(partial(_volumes, job, order, series))
        if isinstance(volumes, Held):
            unread[series.name] = volumes
        else:
            readable.append(volumes)
    return readable, unread


def _volumes(job: StepJob, order: WorkOrder, series: SeriesOrder) -> HeadSeries:
    converted = job.output("convert", ConvertResult)
    folder = converted.folder / series.name
    images = sorted(folder.glob("image*.nii.gz"))
    image = images[0] if images else None
    return read_volumes(
        order,
        series,
        job.scratch,
        image,
    )
