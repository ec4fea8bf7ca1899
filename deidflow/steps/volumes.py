"""The volumes of a series from its source files: one a stack of planes, magnitude first, the first of many."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from deidflow.dicom.component import MAGNITUDE, component
from deidflow.dicom.geometry import Plane, planes
from deidflow.dicom.pixels import read_pixels
from deidflow.dicom.policy import is_projection
from deidflow.dicom.stack import Slice, Volume, reduced, stack_key, volume_of
from deidflow.dicom.stored_values import real_values
from deidflow.errors import Withheld
from deidflow.face.series import About, HeadSeries
from deidflow.face.volume import image_of
from deidflow.identity.workorder import SeriesOrder, WorkOrder
from deidflow.steps.common import read_content, read_source
from deidflow.verdicts import Reason

_SPACING_MM = 2.0
_HEADER = [
    "ImageType", "Manufacturer", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns",
    "NumberOfFrames", "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", "SpacingBetweenSlices",
    "SliceThickness", 0x0043102F, 0x0019100A, 0x00291010, 0x00651051,
]  # fmt: skip


@dataclass(frozen=True)
class _Frame:
    file: int
    plane: Plane
    component: str

    @property
    def key(self) -> tuple[object, ...]:
        return stack_key(self.plane)


def read_volumes(
    order: WorkOrder, series: SeriesOrder, scratch: Path, image: Path | None = None
) -> HeadSeries:
    """Read the planes of a series, averaged to about 2 mm, as volumes; memory is bounded by one volume.

    Of several frames at one place the first is taken, and magnitude before phase, real and imaginary parts.
    Raises Withheld where a frame has no place or cannot be decoded.
    """
    header = read_source(order, series.files[0], pixels=False)
    if is_projection(header):
        raise Withheld(Reason.PROJECTION)
    frames = list(_frames(order, series))
    chosen = _chosen(frames)
    last = _chosen(reversed(frames)) if len(frames) >= 2 * len(chosen) else []
    stacks = _stacks(order, series, chosen, scratch)
    shown = {frame.component for frame in chosen}
    plane = chosen[0].plane
    return HeadSeries(
        series.name,
        tuple(_image(stack) for stack in stacks),
        MAGNITUDE if MAGNITUDE in shown else min(shown),
        _about(header, series),
        last=tuple(_image(stack) for stack in _stacks(order, series, last, scratch)),
        volumes=max(1, len(frames) // len(chosen)),
        resolution_mm=max(
            plane.row_spacing, plane.column_spacing, float(np.linalg.norm(stacks[0].affine[:, 2]))
        ),
        even=stacks[0].regular,
        image=image,
    )


def _stacks(
    order: WorkOrder, series: SeriesOrder, frames: Sequence[_Frame], scratch: Path
) -> list[Volume]:
    """The stacks of some frames, the largest first."""
    slices: dict[tuple[object, ...], list[Slice]] = {}
    for number in sorted({frame.file for frame in frames}):
        source = pydicom.dcmread(io.BytesIO(read_content(order, series.files[number])))
        wanted = [frame for frame in frames if frame.file == number]
        for frame, one in zip(wanted, _read(source, wanted, scratch), strict=True):
            slices.setdefault(frame.key, []).append(one)
    return sorted((volume_of(found) for found in slices.values()), key=lambda stack: -stack.slices)


def _image(stack: Volume) -> Any:
    return image_of(stack.values, stack.affine)


def about_series(order: WorkOrder, series: SeriesOrder) -> About:
    """What the header of its first file says about a series."""
    return _about(read_source(order, series.files[0], pixels=False), series)


def _about(header: Any, series: SeriesOrder) -> About:
    texts = (header.get(name) for name in ("SeriesDescription", "StudyDescription", "ProtocolName"))
    types = [str(value).strip().upper() for value in header.get("ImageType") or ()]
    return About(
        modality=series.modality,
        image_type=tuple(types),
        acquisition_type=str(header.get("MRAcquisitionType") or ""),
        body_part=str(header.get("BodyPartExamined") or ""),
        description=str(header.get("SeriesDescription") or ""),
        words=" ".join(str(text) for text in texts if text),
        frame_of_reference=str(header.get("FrameOfReferenceUID") or ""),
        colour=int(header.get("SamplesPerPixel") or 1) > 1,
        t1_like=_is_t1_like(header),
    )


def _is_t1_like(header: Any) -> bool:
    def number(name: str) -> float:
        try:
            return float(header.get(name) or 0)
        except (TypeError, ValueError):
            return 0.0

    short = 0 < number("EchoTime") < 15 and number("RepetitionTime") > 0
    return short and (number("RepetitionTime") < 1_000 or number("InversionTime") > 0)


def _frames(order: WorkOrder, series: SeriesOrder) -> Iterator[_Frame]:
    for number, file in enumerate(series.files):
        header = read_source(order, file, pixels=False, only=_HEADER)
        for plane in planes(header):
            yield _Frame(number, plane, component(header, plane.frame))


def _chosen(frames: Iterable[_Frame]) -> list[_Frame]:
    """One frame for each place."""
    best: dict[tuple[object, ...], _Frame] = {}
    for frame in frames:
        place = (*frame.key, *(frame.plane.origin.round(1) + 0.0).tolist())
        known = best.get(place)
        if known is None or (known.component != MAGNITUDE and frame.component == MAGNITUDE):
            best[place] = frame
    return list(best.values())


def _read(source: Any, frames: Sequence[_Frame], scratch: Path) -> Iterator[Slice]:
    cells = read_pixels(source, scratch).cells
    for frame in frames:
        plane = frame.plane
        part = cells[
            plane.frame, plane.top : plane.top + plane.rows, plane.left : plane.left + plane.columns
        ]
        yield reduced(plane, real_values(part, source, plane.frame), _SPACING_MM)
