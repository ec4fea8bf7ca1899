"""The volumes of a series from its source files: one a stack of planes, magnitude first, the first
of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deidflow.dicom.component import MAGNITUDE, component
from deidflow.dicom.geometry import Plane, planes
from deidflow.dicom.image_attributes import IMAGE_ATTRIBUTES, PLANE_ATTRIBUTES
from deidflow.dicom.partial import read_attributes
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
_LONGEST_T1_ECHO = 15
_LONGEST_T1_REPETITION = 1_000


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
    """Read the planes of a series, averaged to about 2 mm, as volumes; memory is bounded by one
    volume.

    Of several frames at one place the first is taken, and magnitude before phase, real and
    imaginary parts. Raises Withheld where a frame has no place or cannot be decoded.
    """
    header = read_source(
        order,
        series.files[0],
        pixels=False,
    )
    if is_projection(header):
        raise Withheld(Reason.PROJECTION)

    frames = list(_frames(order, series))
    chosen = _chosen(frames)
    stacks = _stacks(order, series, chosen, scratch)
    last: list[_Frame] = []
    if len(frames) >= 2 * len(chosen):
        last = _chosen(reversed(frames))
    last_stacks = _stacks(order, series, last, scratch)

    return HeadSeries(
        series.name,
        _images(stacks),
        _shown_component(chosen),
        _about(header, series),
        last=_images(last_stacks),
        volumes=max(1, len(frames) // len(chosen)),
        resolution_mm=_resolution(chosen[0].plane, stacks[0]),
        even=stacks[0].regular,
        image=image,
    )


def _shown_component(frames: Sequence[_Frame]) -> str:
    shown = {frame.component for frame in frames}
    if MAGNITUDE in shown:
        return MAGNITUDE
    return min(shown)


def _resolution(plane: Plane, stack: Volume) -> float:
    """The coarsest step of a stack in mm: between rows, columns or slices."""
    between_slices = np.linalg.norm(stack.affine[:, 2])
    return max(
        plane.row_spacing,
        plane.column_spacing,
        float(between_slices),
    )


def _stacks(
    order: WorkOrder, series: SeriesOrder, frames: Sequence[_Frame], scratch: Path
) -> list[Volume]:
    """The stacks of some frames, the largest first."""
    slices: dict[tuple[object, ...], list[Slice]] = {}
    for number in sorted({frame.file for frame in frames}):
        content = read_content(order, series.files[number])
        source = read_attributes(content, IMAGE_ATTRIBUTES, pixels=True).attributes
        wanted = [frame for frame in frames if frame.file == number]
        read = _read(source, wanted, scratch)
        for frame, plane in zip(wanted, read, strict=True):
            stack = slices.setdefault(frame.key, [])
            stack.append(plane)

    volumes = [volume_of(stack) for stack in slices.values()]
    return sorted(volumes, key=lambda volume: -volume.slices)


def _images(stacks: Iterable[Volume]) -> tuple[Any, ...]:
    return tuple(image_of(stack.values, stack.affine) for stack in stacks)


def about_series(order: WorkOrder, series: SeriesOrder) -> About:
    """What the header of its first file says about a series."""
    header = read_source(
        order,
        series.files[0],
        pixels=False,
    )
    return _about(header, series)


def _about(header: Any, series: SeriesOrder) -> About:
    described = ("SeriesDescription", "StudyDescription", "ProtocolName")
    texts = [_text(header, keyword) for keyword in described]
    types = header.get("ImageType") or ()
    samples = int(header.get("SamplesPerPixel") or 1)

    return About(
        modality=series.modality,
        image_type=tuple(str(value).strip().upper() for value in types),
        acquisition_type=_text(header, "MRAcquisitionType"),
        body_part=_text(header, "BodyPartExamined"),
        description=_text(header, "SeriesDescription"),
        words=" ".join(text for text in texts if text),
        frame_of_reference=_text(header, "FrameOfReferenceUID"),
        colour=samples > 1,
        t1_like=_is_t1_like(header),
    )


def _text(header: Any, keyword: str) -> str:
    value = header.get(keyword)
    return str(value or "")


def _number(header: Any, keyword: str) -> float:
    value = header.get(keyword)
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return 0.0


def _is_t1_like(header: Any) -> bool:
    """Times are in milliseconds."""
    echo = _number(header, "EchoTime")
    repetition = _number(header, "RepetitionTime")
    inversion = _number(header, "InversionTime")
    is_short = 0 < echo < _LONGEST_T1_ECHO and repetition > 0
    return is_short and (repetition < _LONGEST_T1_REPETITION or inversion > 0)


def _frames(order: WorkOrder, series: SeriesOrder) -> Iterator[_Frame]:
    for number, file in enumerate(series.files):
        content = read_content(order, file)
        header = read_attributes(content, PLANE_ATTRIBUTES).attributes
        for plane in planes(header):
            yield _Frame(
                number,
                plane,
                component(header, plane.frame),
            )


def _chosen(frames: Iterable[_Frame]) -> list[_Frame]:
    """One frame for each place."""
    best: dict[tuple[object, ...], _Frame] = {}
    for frame in frames:
        # Adding zero turns -0.0 into 0.0.
        origin = frame.plane.origin.round(1) + 0.0
        place = (*frame.key, *origin.tolist())
        known = best.get(place)
        if known is None or _is_better(frame, known):
            best[place] = frame
    return list(best.values())


def _is_better(frame: _Frame, known: _Frame) -> bool:
    is_magnitude = frame.component == MAGNITUDE
    return is_magnitude and known.component != MAGNITUDE


def _read(source: Any, frames: Sequence[_Frame], scratch: Path) -> Iterator[Slice]:
    cells = read_pixels(source, scratch).cells
    for frame in frames:
        plane = frame.plane
        rows = slice(plane.top, plane.top + plane.rows)
        columns = slice(plane.left, plane.left + plane.columns)
        part = cells[plane.frame, rows, columns]
        values = real_values(part, source, plane.frame)
        yield reduced(plane, values, _SPACING_MM)
