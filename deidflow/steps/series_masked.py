"""A series without its face: stored integers overwritten inside the mask, all others as they were.

Three forms of every instance: the released one (anonymized header), one with the source's header
for dcm2niix, and one whose pixels are the mask itself, so that the mask's NIfTI goes the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from deidflow.identity.workorder import SeriesOrder, WorkOrder
from deidflow.nifti.convert import Converted, convert
from deidflow.nifti.mask import write_mask
from deidflow.nifti.packed import packed
from deidflow.settings.face import DefaceSettings
from deidflow.steps.common import nifti_masks, read_content
from deidflow.steps.defaced_header import Defaced, native_element
from deidflow.steps.released_file import ReleasedFiles
from deidflow.steps.results import InspectedSeries
from deidflow.steps.series_images import release_images
from deidflow.steps.tool_files import save_for_tool
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
        self, series: SeriesOrder, headers: Sequence[Path], names: Sequence[str]
    ) -> MaskedCounts:
        """Write DICOM, NIfTI, mask and sidecar."""
        work = self.masks.parent.with_name(f".{series.name}.scratch")
        folders = (self.folder / "defaced_dicom", self.mask_folder, work / "image", work / "mask")
        for path in folders:
            path.mkdir(parents=True, exist_ok=path == self.folder)

        masks: dict[str, NDArray[np.uint8]] = {}
        cleared = 0
        instances = zip(
            series.files,
            headers,
            names,
            strict=True,
        )
        try:
            for number, (file, header, name) in enumerate(instances, 1):
                content = read_content(self.order, file)
                removed, had_overlay = self._instance(
                    content,
                    header,
                    name,
                    work,
                    number,
                )
                masks[name] = np.packbits(removed)
                cleared += had_overlay
            self._images(series, work)
        finally:
            remove_tree(work)

        np.savez_compressed(self.masks, **masks)  # type: ignore[arg-type]
        counts = [np.unpackbits(mask).sum() for mask in masks.values()]
        return MaskedCounts(
            removed=int(sum(counts)),
            overlay_bits_cleared=cleared,
        )

    def _instance(
        self, content: bytes, header_path: Path, name: str, work: Path, number: int
    ) -> tuple[Removed, bool]:
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

        shown = np.broadcast_to(~removed[..., None], cells.shape)
        values = {"image": cells, "mask": shown.astype(cells.dtype)}
        for kind, array in values.items():
            path = work / kind / f"{number:06d}.dcm"
            save_for_tool(
                content,
                image,
                array,
                pixels.decoded,
                path,
            )
        had_overlay = clean is not pixels.cells
        return removed, had_overlay

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

    def _images(self, series: SeriesOrder, work: Path) -> None:
        images = convert(
            work / "image",
            work / "image.out",
            self.log,
        )
        masks = convert(
            work / "mask",
            work / "mask.out",
            self.log,
        )
        release_images(
            images,
            self.folder,
            stem="defaced",
            order=self.order,
            series=series,
            profile=self.profile,
        )

        by_suffix = {mask.suffix: mask for mask in masks}
        for image in images:
            mask = by_suffix.get(image.suffix)
            self._mask_image(image, mask)

    def _mask_image(self, image: Converted, mask: Converted | None) -> None:
        path = None if mask is None else mask.nifti
        content = write_mask(path, image.nifti)
        target = self.mask_folder / f"defaced_mask{image.suffix}.nii.gz"
        target.write_bytes(packed(content))


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
