"""The series of one session, each built whole or without its face."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deidflow.dicom.geometry import Plane, planes
from deidflow.dicom.image_attributes import PLANE_ATTRIBUTES
from deidflow.dicom.partial import AttributeReader
from deidflow.errors import StepFailed, Withheld
from deidflow.face.average import AverageFace
from deidflow.face.picture import save_sheet
from deidflow.face.series_mask import SeriesMask
from deidflow.face.volume import Image
from deidflow.identity.workorder import SeriesOrder, WorkOrder
from deidflow.release.layout import slice_names
from deidflow.states import WHOLE, SeriesState, TextState
from deidflow.steps.anonymize import header_name
from deidflow.steps.common import guarded
from deidflow.steps.mask_fields import read_mask
from deidflow.steps.outlines import refuse_outlines
from deidflow.steps.released_file import ReleasedFiles
from deidflow.steps.results import (
    AnonymizeResult,
    BuiltSeries,
    ConvertResult,
    DefacePlan,
    DefaceResult,
    Held,
    InspectedSeries,
    MaskFields,
)
from deidflow.steps.series_blanked import BlankedSeries
from deidflow.steps.series_masked import MaskedSeries
from deidflow.steps.series_whole import release_whole
from deidflow.steps.step import StepJob
from deidflow.store.files import remove_tree, write_json_atomic
from deidflow.store.gzipped import repacked
from deidflow.store.record import adapter_of
from deidflow.verdicts import Reason

_NO_DIRECTION = (9.0,)
"""Sorts behind every unit vector."""
_NO_PLAN = DefacePlan(SeriesState.RELEASED, "")
"""What becomes of series where no face is removed."""


@dataclass(frozen=True)
class SeriesBuilder:
    """Builds the series of a session into the scratch folder of its job."""

    job: StepJob
    order: WorkOrder
    template: Image | None
    """Distance to the template's face region, loaded once; None where no mask needs it."""
    made_up: Mapping[str, Image]
    """The head that is laid into masks, by the kind of their region."""
    plans: Mapping[str, DefacePlan | Held]
    held: Mapping[str, Held]
    uids: Mapping[str, str]
    """Instance UIDs that are exchanged: series that were published with another mask."""
    inspected: Mapping[str, InspectedSeries]
    """What is blanked, and what was read; empty where nobody read."""

    def series(self, series: SeriesOrder) -> BuiltSeries | Held:
        """Build a series, or say why it is withheld; nothing of a withheld series stays staged."""
        if series.name in self.held:
            return self.held[series.name]

        folder = self.job.scratch / series.name
        plan = self.plans.get(series.name, _NO_PLAN)
        if isinstance(plan, Held):
            return plan

        build = self._masked
        if plan.state in WHOLE:
            build = self._blanked if self._inspected(series).rectangles else self._whole
        built = guarded(partial(build, series, folder, plan))
        if isinstance(built, Held):
            remove_tree(folder)
        return built

    def _headers(self, series: SeriesOrder) -> list[Path]:
        output = self.job.output("anonymize", AnonymizeResult)
        folder = output.folder / series.name
        numbers = range(1, len(series.files) + 1)
        return [folder / header_name(number) for number in numbers]

    def _converted(self, series: SeriesOrder) -> Path:
        output = self.job.output("convert", ConvertResult)
        return output.folder / series.name

    def _whole(self, series: SeriesOrder, folder: Path, plan: DefacePlan) -> BuiltSeries:
        headers = self._headers(series)
        if series.is_object and self.job.settings.defacing:
            refuse_outlines(headers)
        names = _spatial_names(_places(headers))
        cleared = release_whole(
            self.order,
            series.files,
            headers,
            targets=[folder / "dicom" / name for name in names],
            scratch=self.job.folder,
            is_clean=self._inspected(series).is_clean,
        )
        self._release_converted(series, folder)
        return BuiltSeries(
            plan.state,
            instances=len(headers),
            overlay_bits_cleared=cleared,
            text=self._text(series),
        )

    def _release_converted(self, series: SeriesOrder, folder: Path) -> None:
        """What `convert` made, packed anew where it was packed for the vault only."""
        for path in sorted(self._converted(series).iterdir()):
            target = folder / path.name
            if path.suffix == ".gz" and self.job.settings.defacing:
                target.write_bytes(repacked(path))
            else:
                shutil.copyfile(path, target)

    def _blanked(self, series: SeriesOrder, folder: Path, plan: DefacePlan) -> BuiltSeries:
        headers = self._headers(series)
        blanked = BlankedSeries(
            order=self.order,
            profile=self.job.profile,
            inspected=self._inspected(series),
            folder=folder,
            masks=self.job.masks / f"{series.name}.npz",
            log=self.job.log,
            released=ReleasedFiles(self.uids),
        )
        cleared = blanked.build(
            series,
            headers,
            _spatial_names(_places(headers)),
        )
        return BuiltSeries(
            plan.state,
            instances=len(headers),
            overlay_bits_cleared=cleared,
            text=self._text(series),
        )

    def _inspected(self, series: SeriesOrder) -> InspectedSeries:
        return self.inspected.get(series.name, InspectedSeries())

    def _text(self, series: SeriesOrder) -> TextState:
        inspected = self._inspected(series)
        if inspected.rectangles:
            return TextState.BLANKED
        if inspected.is_clean:
            return TextState.READ
        return TextState.PROJECTION if inspected.images else TextState.NOT_READ

    def _masked(self, series: SeriesOrder, folder: Path, plan: DefacePlan) -> BuiltSeries:
        if plan.mask is None:
            raise StepFailed(Reason.NO_RESULT)

        headers = self._headers(series)
        masked = MaskedSeries(
            mask=self._mask(plan.mask),
            settings=self.job.settings.deface,
            order=self.order,
            folder=folder,
            masks=self.job.masks / f"{series.name}.npz",
            log=self.job.log,
            profile=self.job.profile,
            released=ReleasedFiles(self.uids),
            inspected=self._inspected(series),
            average=self._average(plan),
            converted=self._converted(series),
        )
        places = _places(headers)
        counts = masked.build(
            series,
            headers,
            _spatial_names(places),
            places,
        )
        self._review(series, folder, masked.mask_folder, plan)
        return BuiltSeries(
            plan.state,
            instances=len(headers),
            overlay_bits_cleared=counts.overlay_bits_cleared,
            removed=counts.removed,
            text=self._text(series),
            refaced=plan.mask.average is not None,
        )

    def _average(self, plan: DefacePlan) -> AverageFace | None:
        """The made-up face that is laid into the mask of a series."""
        if plan.mask is None or plan.mask.average is None:
            return None
        fields = plan.mask.average
        return AverageFace(
            self.made_up[plan.region],
            np.array(fields.affine),
            fields.gain,
            fields.air,
        )

    def _mask(self, fields: MaskFields) -> SeriesMask:
        """The mask that the step `deface` decided on."""
        folder = self.job.output("deface", DefaceResult).folder
        return read_mask(fields, folder, self.template)

    def _review(
        self, series: SeriesOrder, folder: Path, mask_folder: Path, plan: DefacePlan
    ) -> None:
        """Pictures before and after into the vault; a picture that fails holds nothing back."""
        review = self.job.review
        review.mkdir(
            parents=True,
            exist_ok=True,
            mode=0o700,
        )
        images = self._converted(series).glob("image*.nii.gz")
        masks = mask_folder.glob("defaced_mask*.nii.gz")
        before = min(images)
        mask = min(masks)
        after = folder / mask.name.replace("_mask", "", 1)
        try:
            save_sheet(
                before,
                after,
                mask,
                review / f"{series.name}.png",
            )
        except (RuntimeError, ValueError):
            traceback.print_exc()

        adapter = adapter_of(DefacePlan)
        figures = adapter.dump_python(plan, mode="json")
        write_json_atomic(
            review / f"{series.name}.json",
            figures,
            indent=2,
        )


def _places(headers: Sequence[Path]) -> list[list[Plane]]:
    """The planes of each instance by its header; none where it says nothing of its place."""
    reader = AttributeReader(PLANE_ATTRIBUTES)
    places: list[list[Plane]] = []
    for path in headers:
        header = reader.read(path.read_bytes()).attributes
        try:
            places.append(planes(header))
        except Withheld:
            places.append([])
    return places


def _spatial_names(places: Sequence[Sequence[Plane]]) -> list[str]:
    """Slice names in the order of the work order: along row x column, then by volume."""
    keys = [_spatial_key(of_instance, number) for number, of_instance in enumerate(places)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    names = dict(
        zip(
            order,
            slice_names(len(keys)),
            strict=True,
        )
    )
    return [names[index] for index in range(len(keys))]


def _spatial_key(of_instance: Sequence[Plane], number: int) -> tuple[Any, ...]:
    if not of_instance:
        return _NO_DIRECTION, 0.0, number

    first = of_instance[0]
    direction = np.round(first.normal, 2)
    height = round(first.height, 3)
    return tuple(direction.tolist()), height, number
