"""The volumes of a series from its source files: one a stack of planes, magnitude first, the first
of many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deidflow.dicom.component import MAGNITUDE, component
from deidflow.dicom.geometry import Plane, planes
from deidflow.dicom.image_attributes import IMAGE_ATTRIBUTES
from deidflow.dicom.partial import AttributeReader
from deidflow.dicom.pixels import read_pixels
from deidflow.dicom.policy import is_projection
from deidflow.dicom.stack import Slice, StackKey, Volume, reduced, stack_key, volume_of
from deidflow.dicom.stored_values import real_values
from deidflow.errors import Withheld
from deidflow.face.series import About, HeadSeries
from deidflow.face.volume import image_of
from deidflow.identity.workorder import SeriesOrder, WorkOrder
from deidflow.steps.common import read_content, read_source
from deidflow.verdicts import Reason

_SPACING_MM = 2.0
_LOOKED_AT = 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0
"""How far along a run volumes are looked at, besides the first."""
_KEPT_BYTES = 64 << 20
"""Of the files of a series, kept from the look at their planes for the look at their pixels."""
_LONGEST_T1_ECHO = 15
_LONGEST_T1_REPETITION = 1_000


@dataclass(frozen=True)
class _Frame:
    file: int
    plane: Plane
    component: str

    @property
    def key(self) -> StackKey:
        return stack_key(self.plane)


@dataclass(frozen=True)
class _Stack:
    key: StackKey
    volume: Volume


def read_volumes(
    order: WorkOrder, series: SeriesOrder, scratch: Path, image: Path | None = None
) -> HeadSeries:
    """Read the planes of a series, averaged to about 2 mm, as volumes; memory is bounded by eleven.

    Of several frames at one place the first is taken, further ones along a run, and magnitude
    before phase, real and imaginary parts. Raises Withheld where a frame has no place or cannot be
    decoded.
    """
    header = read_source(
        order,
        series.files[0],
        pixels=False,
    )
    if is_projection(header):
        raise Withheld(Reason.PROJECTION)

    frames, sources = _frames(order, series)
    looked_at = _along_the_run(frames)
    chosen = looked_at[0]
    stacks, *later = _stacks(order, series, looked_at, sources, scratch)
    return HeadSeries(
        series.name,
        _images(stacks),
        _shown_component(chosen),
        _about(header, series),
        later=tuple(_images(volume) for volume in later),
        stack_keys=tuple(stack.key for stack in stacks),
        volumes=max(1, len(frames) // len(chosen)),
        resolution_mm=_resolution(chosen[0].plane, stacks[0].volume),
        even=stacks[0].volume.regular,
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


def _along_the_run(frames: Iterable[_Frame]) -> list[list[_Frame]]:
    """The first volume, and of a run some more: none is farther than 5 % of it from one of them.

    In a run places are shown twice, on average.
    """
    places = _by_place(frames)
    counts = [len(at_place) for at_place in places]
    numbers = {0}
    if sum(counts) >= 2 * len(counts):
        longest = max(counts) - 1
        numbers |= {math.ceil(part * longest) for part in _LOOKED_AT}

    volumes: list[list[_Frame]] = []
    for number in sorted(numbers):
        volumes.append([at_place[min(number, len(at_place) - 1)] for at_place in places])
    return volumes


def _by_place(frames: Iterable[_Frame]) -> list[list[_Frame]]:
    """The frames of each place in the order of the files, magnitude alone where there is one."""
    places: dict[StackKey, list[_Frame]] = {}
    for frame in frames:
        at_place = places.setdefault(_place(frame), [])
        if at_place and _is_better(frame, at_place[0]):
            at_place.clear()
        if not at_place or frame.component == at_place[0].component:
            at_place.append(frame)
    return list(places.values())


def _stacks(
    order: WorkOrder,
    series: SeriesOrder,
    volumes: Sequence[Sequence[_Frame]],
    sources: dict[int, Any],
    scratch: Path,
) -> list[list[_Stack]]:
    """The stacks of some volumes, the largest of each first.

    `sources` are the data sets that are in memory; what they hold is let go as it is used.
    """
    by_file: dict[int, list[tuple[int, _Frame]]] = {}
    for number, volume in enumerate(volumes):
        for frame in volume:
            in_file = by_file.setdefault(frame.file, [])
            in_file.append((number, frame))

    reader = AttributeReader(IMAGE_ATTRIBUTES)
    slices: list[dict[StackKey, list[Slice]]] = [{} for _ in volumes]
    for file, in_file in sorted(by_file.items()):
        source = sources.pop(file, None)
        if source is None:
            content = read_content(order, series.files[file])
            source = reader.read(content, pixels=True).attributes
        read = _read(source, [frame for _, frame in in_file], scratch)
        for (number, frame), plane in zip(in_file, read, strict=True):
            stack = slices[number].setdefault(frame.key, [])
            stack.append(plane)
    return [_largest_first(volume) for volume in slices]


def _largest_first(slices: Mapping[StackKey, Sequence[Slice]]) -> list[_Stack]:
    """The stacks of one volume."""
    stacks = [_Stack(key, volume_of(stack)) for key, stack in slices.items()]
    return sorted(stacks, key=lambda stack: -stack.volume.slices)


def _images(stacks: Iterable[_Stack]) -> tuple[Any, ...]:
    volumes = [stack.volume for stack in stacks]
    return tuple(image_of(volume.values, volume.affine) for volume in volumes)


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


def _frames(order: WorkOrder, series: SeriesOrder) -> tuple[list[_Frame], dict[int, Any]]:
    """The frames of all files, and the data sets with pixels of the first so many bytes of them."""
    frames: list[_Frame] = []
    sources: dict[int, Any] = {}
    reader = AttributeReader(IMAGE_ATTRIBUTES)
    room = _KEPT_BYTES
    for number, file in enumerate(series.files):
        content = read_content(order, file)
        room -= len(content)
        header = reader.read(content, pixels=room >= 0).attributes
        if room >= 0:
            sources[number] = header
        for plane in planes(header):
            frames.append(_Frame(number, plane, component(header, plane.frame)))
    return frames, sources


def _place(frame: _Frame) -> StackKey:
    """Where a frame lies."""
    # Adding zero turns -0.0 into 0.0.
    origin = frame.plane.origin.round(1) + 0.0
    return (*frame.key, *origin.tolist())


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
