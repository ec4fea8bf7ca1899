"""Reconstruct: the released series of a session, staged: DICOM from header and stored pixels,
NIfTI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deidflow.header.uids import UidMap
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder
from deidflow.release.measures import withheld
from deidflow.states import TextState
from deidflow.steps.inspected import any_blanked, inspected_series
from deidflow.steps.results import (
    BuiltSeries,
    DefacePlan,
    DefaceResult,
    Held,
    ReconstructResult,
    held_series,
)
from deidflow.steps.revisions import new_uids, subject_revisions
from deidflow.steps.step import Step, StepJob
from deidflow.store.files import remove_tree, write_json_atomic
from deidflow.store.scratch import make_readable
from deidflow.verdicts import Reason

if TYPE_CHECKING:
    from deidflow.face.volume import Image
    from deidflow.steps.series_builder import SeriesBuilder


def reconstruct_session(job: StepJob) -> ReconstructResult:
    """Build every series that may be released, and write its masks into the vault."""
    order, session = job.read_order()
    remove_tree(job.masks)
    job.masks.mkdir(parents=True)

    builder = _builder(job, order)
    built = {series.name: builder.series(series) for series in session.series}
    result = ReconstructResult(built)
    if result.has_something:
        summary = _summary(session, result, builder.plans)
        write_json_atomic(
            job.scratch / "session.json",
            summary,
            0o644,
            indent=2,
        )
    make_readable(job.scratch)
    return result


def _builder(job: StepJob, order: WorkOrder) -> SeriesBuilder:
    from deidflow.face.template import load_distance
    from deidflow.steps.series_builder import SeriesBuilder

    template: Image | None = None
    plans: Mapping[str, DefacePlan | Held] = {}
    if "deface" in job.outputs:
        plans = job.output("deface", DefaceResult).result.series
    if any(_needs_template(plan) for plan in plans.values()):
        template = load_distance(job.template)

    return SeriesBuilder(
        job=job,
        order=order,
        template=template,
        made_up=_made_up_heads(job, order, plans),
        plans=plans,
        held=_held_before(job),
        uids=_renewed_uids(job, order),
        inspected=inspected_series(job),
    )


def _needs_template(plan: DefacePlan | Held) -> bool:
    """Whether the mask ends on the template's own field, as with our own engine."""
    if isinstance(plan, Held) or plan.mask is None:
        return False
    return not plan.mask.face


def _made_up_heads(
    job: StepJob, order: WorkOrder, plans: Mapping[str, DefacePlan | Held]
) -> dict[str, Image]:
    """The made-up head for each kind of region into which one is laid."""
    from deidflow.face.anchor import RegionKind
    from deidflow.face.surrogate import made_up_head
    from deidflow.face.template import load_average

    regions: set[str] = set()
    for plan in plans.values():
        if isinstance(plan, DefacePlan) and plan.mask is not None and plan.mask.average is not None:
            regions.add(plan.region)
    if not regions:
        return {}

    average = load_average(job.template)
    heads: dict[str, Image] = {}
    for region in sorted(regions):
        heads[region] = made_up_head(
            average,
            key=bytes.fromhex(order.uid_key),
            pseudonym=order.pseudonym,
            covers=region == RegionKind.SKIN,
        )
    return heads


def _renewed_uids(job: StepJob, order: WorkOrder) -> dict[str, str]:
    key = bytes.fromhex(order.uid_key)
    uids = UidMap(key, order.uid_root)
    folders = {}
    for label in job.labels:
        work = job.layout.session_work(job.pseudonym, label)
        folders[label] = work / "anonymize"

    revisions = subject_revisions(job)
    return new_uids(revisions, folders, uids)


def _held_before(job: StepJob) -> dict[str, Held]:
    """Series that an earlier step withheld, each by the first of them."""
    held: dict[str, Held] = {}
    for step in ("deface", "inspect", "convert", "anonymize"):
        if step in job.outputs:
            output = job.outputs[step]
            held |= held_series(output.result)

    for series in withheld(job.measures):
        held.setdefault(
            series,
            Held(Reason.WITHHELD_BY_PERSON),
        )
    return held


def _summary(
    session: SessionOrder,
    result: ReconstructResult,
    plans: Mapping[str, DefacePlan | Held],
) -> dict[str, Any]:
    """What recipients may know of a session: series with their states, and what was withheld."""
    rows = []
    for series in session.series:
        built = result.series[series.name]
        row = _summary_row(series, built)
        plan = plans.get(series.name)
        if isinstance(built, BuiltSeries) and isinstance(plan, DefacePlan) and plan.by_person:
            row["by_person"] = " ".join(plan.by_person)
        rows.append(row)
    summary: dict[str, Any] = {"session": session.label, "series": rows}
    if session.days_since is not None:
        summary["days_since"] = session.days_since
    return summary


def _summary_row(series: SeriesOrder, built: BuiltSeries | Held) -> dict[str, Any]:
    row: dict[str, Any] = {
        "series": series.name,
        "modality": series.kind,
        "state": built.state,
    }
    if isinstance(built, Held):
        return row | {"reason": built.reason}

    row["instances"] = len(series.files)
    row["incomplete"] = series.incomplete
    if built.overlay_bits_cleared:
        row["overlay_bits_cleared"] = built.overlay_bits_cleared
    if built.text is not TextState.NOT_READ:
        row["text_in_pixels"] = built.text
    return row


def _key(job: StepJob) -> list[Any]:
    settings = job.settings
    # The revisions of other sessions belong to it: their instances are referred to.
    key: list[Any] = [
        job.content,
        subject_revisions(job),
        settings.level,
    ]
    by_people = withheld(job.measures)
    if by_people:
        key.append(by_people)
    if settings.defacing:
        deface = settings.deface
        key += [job.template.name, deface.fill, deface.releases_masks, deface.image_type]
    return key


def _places(job: StepJob) -> tuple[Path, ...]:
    return job.staged, job.published


def _has_masks(job: StepJob) -> bool:
    makes_some = job.settings.defacing or any_blanked(job)
    return job.masks.exists() or not makes_some


RECONSTRUCT = Step(
    name="reconstruct",
    needs=("anonymize", "convert", "inspect", "deface"),
    key=_key,
    work=reconstruct_session,
    result=ReconstructResult,
    tools=("dcm2niix", "deflate", "pydicom", "pylibjpeg-openjpeg", "SimpleITK"),
    places=_places,
    stands=_has_masks,
)
