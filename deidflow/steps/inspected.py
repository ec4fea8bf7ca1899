"""What later steps ask of `inspect`."""

from __future__ import annotations

from dataclasses import asdict

from deidflow.burned.rectangles import Rectangle
from deidflow.identity.workorder import SessionOrder
from deidflow.release.measures import NO_MEASURES
from deidflow.steps.results import InspectedSeries, InspectResult
from deidflow.steps.step import StepJob


def inspected_series(job: StepJob) -> dict[str, InspectedSeries]:
    """The series that may go out as far as their text is concerned; none where nobody read it."""
    if "inspect" not in job.outputs:
        return {}
    rows = job.output("inspect", InspectResult).result.series
    inspected = {}
    for name, row in rows.items():
        if isinstance(row, InspectedSeries):
            inspected[name] = row
    return inspected


def any_blanked(job: StepJob) -> bool:
    """Whether rectangles of any series are blanked."""
    return any(row.rectangles for row in inspected_series(job).values())


def asked_rectangles(job: StepJob, session: SessionOrder) -> dict[str, tuple[Rectangle, ...]]:
    """What people drew on series that are as they were then."""
    asked = {}
    for series in session.series:
        measures = job.measures.get(series.name, NO_MEASURES)
        valid = measures.for_source(series.source_digest)
        drawn = []
        for row in valid.rectangles:
            rectangle = Rectangle(**asdict(row))
            drawn.append(rectangle)
        if drawn:
            asked[series.name] = tuple(drawn)
    return asked
