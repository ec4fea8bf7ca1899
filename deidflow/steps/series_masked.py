"""A series without its face: stored integers overwritten inside the mask, all others as they were.

Each instance is released with its anonymized header; the NIfTI is made of the same masked pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.burned.rectangles import covered
from deidflow.dicom.geometry import Plane, planes
from deidflow.dicom.image_attributes import IMAGE_ATTRIBUTES
from deidflow.dicom.partial import AttributeReader
from deidflow.dicom.pixels import (
    ColourLayout,
    read_pixels,
)
from deidflow.dicom.stored_values import (
    cells_of,
    filled,
    is_grey,
    real_values,
    without_overlay_bits,
)
from deidflow.dicom.structure import EXPLICIT_LITTLE
from deidflow.face.average import AverageFace
from deidflow.face.mask import WorldMask
from deidflow.face.series_mask import SeriesMask
from deidflow.header.profile import Profile
from deidflow.identity.workorder import FileOrder, SeriesOrder, WorkOrder
from deidflow.settings.face import DefaceSettings
from deidflow.steps.common import nifti_masks, read_content
from deidflow.steps.defaced_header import Defaced, native_element
from deidflow.steps.masked_images import (
    MaskedImages,
    MaskedInstance,
    NotPlacedError,
    PlacedImages,
    ToolImages,
)
from deidflow.steps.released_file import ReleasedFiles
from deidflow.steps.results import InspectedSeries
from deidflow.store.files import remove_tree

Removed = NDArray[np.bool_]


@dataclass(frozen=True)
class MaskedCounts:
    """What was done to the pixels of a series."""

    removed: int
    """Pixels inside the mask."""
    overlay_bits_cleared: int
    """Instances in which bits outside the stored values were cleared."""


@dataclass(frozen=True)
class MaskedSeries:
    """Builds one masked series into `folder` and keeps its masks in the vault file `masks`."""

    mask: WorldMask | SeriesMask
    settings: DefaceSettings
    order: WorkOrder
    folder: Path
    masks: Path
    log: Path
    profile: Profile
    released: ReleasedFiles
    inspected: InspectedSeries = field(default_factory=InspectedSeries)
    """What is blanked beside the face."""
    average: AverageFace | None = None
    """What is laid into the mask; None for one value."""
    converted: Path | None = None
    """What `convert` made of the series; None where it is not to be used."""
    reader: AttributeReader = field(default_factory=partial(AttributeReader, IMAGE_ATTRIBUTES))
    planes: dict[tuple[bytes, ...], NDArray[np.uint8]] = field(default_factory=dict)
    """Masks of planes that come again in other volumes, packed."""

    @property
    def mask_folder(self) -> Path:
        """Where the NIfTI masks go: beside the images, or beside the vault's own masks."""
        if self.settings.releases_masks:
            return self.folder
        return nifti_masks(self.masks)

    def build(
        self,
        series: SeriesOrder,
        headers: Sequence[Path],
        names: Sequence[str],
        planes: Sequence[Sequence[Plane]] = (),
    ) -> MaskedCounts:
        """Write DICOM, NIfTI, mask and sidecar; `planes` are those of each instance."""
        instances = list(zip(series.files, headers, names, strict=True))
        work = self.masks.parent.with_name(f".{series.name}.scratch")
        work.mkdir(parents=True)
        try:
            placed = self._placed(planes)
            if placed is not None:
                with suppress(NotPlacedError):
                    return self._built(instances, placed, work)
                remove_tree(self.folder)

            by_tool = ToolImages(
                work=work,
                log=self.log,
                order=self.order,
                series=series,
                profile=self.profile,
            )
            return self._built(instances, by_tool, work)
        finally:
            remove_tree(work)

    def _placed(self, planes: Sequence[Sequence[Plane]]) -> PlacedImages | None:
        if self.converted is None or not planes:
            return None
        return PlacedImages.of(self.converted, planes)

    def _built(
        self, instances: Sequence[tuple[FileOrder, Path, str]], images: MaskedImages, work: Path
    ) -> MaskedCounts:
        (self.folder / "defaced_dicom").mkdir(parents=True)
        self.mask_folder.mkdir(parents=True, exist_ok=True)
        masks: dict[str, NDArray[np.uint8]] = {}
        removed = 0
        cleared = 0
        for number, (file, header, name) in enumerate(instances, 1):
            content = read_content(self.order, file)
            instance = self._instance(
                content,
                header,
                name,
                work,
                number,
            )
            images.add(instance)
            masks[name] = np.packbits(instance.removed)
            removed += int(np.count_nonzero(instance.removed))
            cleared += instance.had_overlay

        images.release(self.folder, self.mask_folder)
        np.savez_compressed(self.masks, **masks)  # type: ignore[arg-type]
        return MaskedCounts(removed, overlay_bits_cleared=cleared)

    def _instance(
        self, content: bytes, header_path: Path, name: str, work: Path, number: int
    ) -> MaskedInstance:
        image = self.reader.read(content, pixels=True)
        source = image.attributes
        pixels = read_pixels(source, work)
        face = self._removed(source, pixels.cells.shape[:3])
        text = covered(self.inspected.of_instance(number), face.shape)
        removed = face | text
        clean = without_overlay_bits(pixels.cells, source)
        cells = filled(clean, removed, source, self.settings.fill_value)
        if self.average is not None:
            self._reface(source, cells, face & ~text, self.average)

        edit = Defaced(
            layout=ColourLayout.of(cells, source, decoded=pixels.decoded),
            lossy=pixels.lossy,
            derived=self.settings.image_type == "derived",
            clean=self.inspected.is_clean,
            refaced=self.average is not None,
        )
        self.released.write(
            header_path.read_bytes(),
            edit,
            native_element(cells, int(source.BitsAllocated)),
            EXPLICIT_LITTLE,
            self.folder / "defaced_dicom" / name,
        )
        return MaskedInstance(
            number=number,
            content=content,
            image=image,
            before=clean,
            after=cells,
            removed=removed,
            decoded=pixels.decoded,
            had_overlay=clean is not pixels.cells,
        )

    def _removed(self, source: Any, shape: tuple[int, ...]) -> Removed:
        removed = np.zeros(shape, bool)
        for plane in planes(source):
            rows = slice(plane.top, plane.top + plane.rows)
            columns = slice(plane.left, plane.left + plane.columns)
            removed[plane.frame, rows, columns] |= self._on(plane)
        return removed

    def _on(self, plane: Plane) -> Removed:
        """The mask on a plane, computed once for all volumes."""
        key = _place_of(plane)
        if key not in self.planes:
            removed = self.mask.removed(plane)
            self.planes[key] = np.packbits(removed)

        bits = np.unpackbits(
            self.planes[key],
            count=plane.rows * plane.columns,
        )
        return bits.reshape(plane.rows, plane.columns).astype(bool)

    def _reface(
        self, source: Any, cells: NDArray[Any], removed: Removed, average: AverageFace
    ) -> None:
        """Lay the average face into the removed pixels of each plane."""
        for plane in planes(source):
            rows = slice(plane.top, plane.top + plane.rows)
            columns = slice(plane.left, plane.left + plane.columns)
            part = removed[plane.frame, rows, columns]
            if not part.any() or not is_grey(source, plane.frame):
                continue
            shown = cells[plane.frame, rows, columns]
            values = average.fill(
                plane,
                real_values(shown, source, plane.frame),
                part,
            )
            stored = cells_of(values, source, plane.frame)
            shown[part, 0] = stored.astype(cells.dtype)


def _place_of(plane: Plane) -> tuple[bytes, ...]:
    """Planes of the same place, size and spacing have the same key."""
    scales = (
        plane.rows,
        plane.columns,
        plane.row_spacing,
        plane.column_spacing,
    )
    return (
        plane.origin.tobytes(),
        plane.row_direction.tobytes(),
        plane.column_direction.tobytes(),
        repr(scales).encode(),
    )
