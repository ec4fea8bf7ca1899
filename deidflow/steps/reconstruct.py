"""Reconstruct: the released series of a session, staged: DICOM from header and stored pixels, NIfTI."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from deidflow.dicom.geometry import Plane, planes
from deidflow.errors import Withheld
from deidflow.face.mask import Field, WorldMask, load_field
from deidflow.face.picture import save_sheet
from deidflow.face.template import Template, load_template
from deidflow.header.uids import UidMap
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder
from deidflow.release.layout import slice_names
from deidflow.states import WHOLE, SeriesState
from deidflow.steps.anonymize import header_name
from deidflow.steps.common import guarded
from deidflow.steps.results import (
    AnonymizeResult,
    BuiltSeries,
    ConvertResult,
    DefacePlan,
    DefaceResult,
    Held,
    MaskFields,
    ReconstructResult,
    held_series,
)
from deidflow.steps.revisions import new_uids, subject_revisions
from deidflow.steps.series_masked import MaskedSeries
from deidflow.steps.series_whole import release_whole
from deidflow.steps.step import Step, StepJob
from deidflow.store.files import remove_tree, write_json_atomic
from deidflow.store.record import adapter_of
from deidflow.store.scratch import make_readable

_NO_PLAN = DefacePlan(SeriesState.RELEASED, "")
"""What becomes of series where no face is removed."""


def reconstruct_session(job: StepJob) -> ReconstructResult:
    """Build every series that may be released, and write its masks into the vault."""
    order, session = job.read_order()
    remove_tree(job.masks)
    job.masks.mkdir(parents=True)
    builder = _builder(job, order)
    series = {row.name: builder.series(row) for row in session.series}
    result = ReconstructResult(series)
    if result.has_something:
        summary = _summary(session, result)
        write_json_atomic(job.scratch / "session.json", summary, 0o644, indent=2)
    make_readable(job.scratch)
    return result


def _builder(job: StepJob, order: WorkOrder) -> _Builder:
    is_defaced = "deface" in job.outputs
    uids = UidMap(bytes.fromhex(order.uid_key), order.uid_root)
    folders = {
        label: job.layout.session_work(job.pseudonym, label) / "anonymize" for label in job.labels
    }
    return _Builder(
        job=job,
        order=order,
        template=load_template(job.template) if is_defaced else None,
        plans=job.output("deface", DefaceResult).result.series if is_defaced else {},
        held=_held_before(job),
        uids=new_uids(subject_revisions(job), folders, uids),
    )


def _held_before(job: StepJob) -> dict[str, Held]:
    """Series that an earlier step withheld, each by the first of them."""
    held: dict[str, Held] = {}
    for step in ("deface", "convert", "anonymize"):
        if step in job.outputs:
            held |= held_series(job.outputs[step].result)
    return held


def _summary(session: SessionOrder, result: ReconstructResult) -> dict[str, Any]:
    """What recipients may know of a session: series with their states, and what was withheld."""
    rows = [_summary_row(series, result.series[series.name]) for series in session.series]
    return {"session": session.label, "series": rows}


def _summary_row(series: SeriesOrder, built: BuiltSeries | Held) -> dict[str, Any]:
    row: dict[str, Any] = {"series": series.name, "modality": series.modality, "state": built.state}
    if isinstance(built, Held):
        return row | {"reason": built.reason}

    row |= {"instances": len(series.files), "incomplete": series.incomplete}
    if built.overlay_bits_cleared:
        row["overlay_bits_cleared"] = built.overlay_bits_cleared
    return row


@dataclass(frozen=True)
class _Builder:
    job: StepJob
    order: WorkOrder
    template: Template | None
    """Loaded once for all series; None where faces stay."""
    plans: Mapping[str, DefacePlan | Held]
    held: Mapping[str, Held]
    uids: Mapping[str, str]
    """Instance UIDs that are exchanged: series that were published with another mask."""

    def series(self, series: SeriesOrder) -> BuiltSeries | Held:
        """Build a series, or say why it is withheld; nothing of a withheld series stays staged."""
        if series.name in self.held:
            return self.held[series.name]

        folder = self.job.scratch / series.name
        plan = self.plans.get(series.name, _NO_PLAN)
        assert isinstance(plan, DefacePlan)
        build = self._whole if plan.state in WHOLE else self._masked
        built = guarded(partial(build, series, folder, plan))
        if isinstance(built, Held):
            remove_tree(folder)
        return built

    def _headers(self, series: SeriesOrder) -> list[Path]:
        folder = self.job.output("anonymize", AnonymizeResult).folder / series.name
        return [folder / header_name(number) for number in range(1, len(series.files) + 1)]

    def _converted(self, series: SeriesOrder) -> Path:
        return self.job.output("convert", ConvertResult).folder / series.name

    def _whole(self, series: SeriesOrder, folder: Path, plan: DefacePlan) -> BuiltSeries:
        headers = self._headers(series)
        targets = [folder / "dicom" / name for name in _spatial_names(headers)]
        cleared = release_whole(self.order, series.files, headers, targets, self.job.folder)
        for image in sorted(self._converted(series).iterdir()):
            shutil.copyfile(image, folder / image.name)
        return BuiltSeries(plan.state, len(headers), overlay_bits_cleared=cleared)

    def _masked(self, series: SeriesOrder, folder: Path, plan: DefacePlan) -> BuiltSeries:
        assert plan.mask is not None
        headers = self._headers(series)
        masked = MaskedSeries(
            mask=self._mask(plan.mask),
            settings=self.job.settings.deface,
            order=self.order,
            folder=folder,
            masks=self.job.masks / f"{series.name}.npz",
            log=self.job.log,
            profile=self.job.profile,
            uids=self.uids,
        )
        counts = masked.build(series, headers, _spatial_names(headers))
        self._review(series, folder, plan)
        return BuiltSeries(plan.state, len(headers), counts.overlay_bits_cleared, counts.removed)

    def _mask(self, fields: MaskFields) -> WorldMask:
        """The mask that the step `deface` decided on."""
        assert self.template is not None
        folder = self.job.output("deface", DefaceResult).folder
        motion = np.array(fields.motion)
        is_template = not fields.face
        distance = (
            self.template.distance if is_template else load_field(folder / fields.face).distance
        )
        face = Field(distance, np.array(fields.face_affine))
        brain = load_field(folder / fields.brain)
        return WorldMask(
            face.seen_from(motion),
            fields.margin_mm,
            brain.seen_from(motion),
            fields.brain_margin_mm,
        )

    def _review(self, series: SeriesOrder, folder: Path, plan: DefacePlan) -> None:
        """Pictures before and after into the vault; a picture that fails holds nothing back."""
        review = self.job.review
        review.mkdir(parents=True, exist_ok=True, mode=0o700)
        before = sorted(self._converted(series).glob("image*.nii.gz"))
        masks = sorted(folder.glob("defaced_mask*.nii.gz"))
        after = masks[0].with_name(masks[0].name.replace("_mask", "", 1))
        try:
            save_sheet(before[0], after, masks[0], review / f"{series.name}.png")
        except (RuntimeError, ValueError):
            traceback.print_exc()
        figures = adapter_of(DefacePlan).dump_python(plan, mode="json")
        write_json_atomic(review / f"{series.name}.json", figures, indent=2)


def _spatial_names(headers: Sequence[Path]) -> list[str]:
    """Slice names in the order of the work order: along row x column, then by volume."""
    keys = [_spatial_key(path, number) for number, path in enumerate(headers)]
    order = sorted(range(len(keys)), key=lambda index: keys[index])
    names = slice_names(len(keys))
    return [name for _, name in sorted(zip(order, names, strict=True))]


def _spatial_key(path: Path, number: int) -> tuple[Any, ...]:
    header = pydicom.dcmread(path)
    try:
        first: Plane = planes(header)[0]
    except Withheld:
        return ((9.0,), 0.0, number)
    direction = tuple(np.round(first.normal, 2).tolist())
    return (direction, round(first.height, 3), number)


def _key(job: StepJob) -> list[Any]:
    settings = job.settings
    # The revisions of other sessions belong to it: their instances are referred to.
    key: list[Any] = [job.content, subject_revisions(job), settings.level]
    if settings.defacing:
        key += [job.template.name, settings.deface.fill, settings.deface.image_type]
    return key


def _places(job: StepJob) -> tuple[Path, ...]:
    return job.staged, job.published


def _has_masks(job: StepJob) -> bool:
    return job.masks.exists() or not job.settings.defacing


RECONSTRUCT = Step(
    name="reconstruct",
    needs=("anonymize", "convert", "deface"),
    key=_key,
    work=reconstruct_session,
    result=ReconstructResult,
    tools=("dcm2niix", "pydicom", "pylibjpeg-openjpeg", "SimpleITK"),
    places=_places,
    stands=_has_masks,
)
