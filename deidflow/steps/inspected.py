"""What later steps ask of `inspect`."""

from __future__ import annotations

from deidflow.steps.results import InspectedSeries, InspectResult
from deidflow.steps.step import StepJob


def inspected_series(job: StepJob) -> dict[str, InspectedSeries]:
    """The series that may go out as far as their text is concerned; none where nobody read it."""
    if "inspect" not in job.outputs:
        return {}
    rows = job.output("inspect", InspectResult).result.series
    return {name: row for name, row in rows.items() if isinstance(row, InspectedSeries)}


def any_blanked(job: StepJob) -> bool:
    """Whether rectangles of any series are blanked."""
    return any(row.rectangles for row in inspected_series(job).values())
