"""A series without its face: stored integers overwritten inside the mask, all others as they were.

Three forms of every instance: the released one (anonymized header), one with the source's header
for dcm2niix, and one whose pixels are the mask itself, so that the mask's NIfTI goes the same way.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian

from deidflow.dicom.functional_groups import PER_FRAME_TAG
from deidflow.dicom.geometry import Plane, planes
from deidflow.dicom.pixels import Pixels, in_source_order, put_pixels, read_pixels
from deidflow.dicom.stored_values import fill_cell, without_overlay_bits
from deidflow.dicom.structure import EXPLICIT_LITTLE, IMPLICIT_LITTLE, scan
from deidflow.dicom.write import write_readable
from deidflow.face.mask import WorldMask
from deidflow.header.markers import mark_defaced
from deidflow.header.profile import Profile
from deidflow.identity.cleaner import scrubber_for
from deidflow.identity.workorder import SeriesOrder, WorkOrder
from deidflow.nifti.convert import Converted, convert
from deidflow.nifti.mask import write_mask
from deidflow.settings.face import DefaceSettings
from deidflow.steps.anonymize import file_meta
from deidflow.steps.common import read_content
from deidflow.steps.convert import extra_fields, release_images
from deidflow.steps.revisions import renumber
from deidflow.store.files import remove_tree

_GZIP_LEVEL = 6
_RANGES = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
)
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

    mask: WorldMask
    settings: DefaceSettings
    order: WorkOrder
    folder: Path
    masks: Path
    log: Path
    profile: Profile
    uids: Mapping[str, str]
    """Instance UIDs to exchange."""
    planes: dict[tuple[bytes, ...], NDArray[np.uint8]] = field(default_factory=dict)
    """Masks of planes that come again in other volumes, packed."""

    def build(
        self, series: SeriesOrder, headers: Sequence[Path], names: Sequence[str]
    ) -> MaskedCounts:
        """Write DICOM, NIfTI, mask and sidecar."""
        work = self.masks.parent.with_name(f".{series.name}.scratch")
        for path in (self.folder / "defaced_dicom", work / "image", work / "mask"):
            path.mkdir(parents=True)

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
        counts = [np.unpackbits(packed).sum() for packed in masks.values()]
        return MaskedCounts(
            removed=int(sum(counts)),
            overlay_bits_cleared=cleared,
        )

    def _instance(
        self, content: bytes, header_path: Path, name: str, work: Path, number: int
    ) -> tuple[Removed, bool]:
        source = pydicom.dcmread(io.BytesIO(content))
        pixels = read_pixels(source, work)
        removed = self._removed(source, pixels.cells.shape[:3])
        clean = without_overlay_bits(pixels.cells, source)
        cells = self._filled(source, clean, removed)

        header = pydicom.dcmread(header_path)
        released = self._released(
            header,
            cells,
            source,
            pixels,
        )
        target = self.folder / "defaced_dicom" / name
        released.save_as(target, enforce_file_format=True)

        shown = np.broadcast_to(~removed[..., None], cells.shape)
        values = {"image": cells, "mask": shown.astype(cells.dtype)}
        for kind, array in values.items():
            path = work / kind / f"{number:06d}.dcm"
            save_for_tool(
                content,
                source,
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

    def _filled(self, source: Any, cells: NDArray[Any], removed: Removed) -> NDArray[Any]:
        filled = cells.copy()
        masked_frames = removed.any((1, 2))
        for frame in np.flatnonzero(masked_frames):
            cell = fill_cell(
                source,
                int(frame),
                self.settings.fill,
            )
            value = np.array(cell, np.int64)
            filled[frame][removed[frame]] = value.astype(cells.dtype)
        return filled

    def _released(self, header: Any, cells: NDArray[Any], source: Any, pixels: Pixels) -> Any:
        put_pixels(
            header,
            cells,
            source,
            decoded=pixels.decoded,
        )
        for keyword in _RANGES:
            if keyword in header:
                del header[keyword]
        if pixels.lossy:
            header.LossyImageCompression = "01"
        renumber(header, self.uids)

        is_derived = self.settings.image_type == "derived"
        mark_defaced(
            header,
            enhanced=PER_FRAME_TAG in header,
            derived=is_derived,
        )
        header.file_meta = file_meta(header, ExplicitVRLittleEndian)
        header.preamble = b"\0" * 128
        return header

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
            scrubber=scrubber_for(self.order, self.profile),
            extra=extra_fields(
                self.order,
                series,
                self.profile,
            ),
        )

        by_suffix = {mask.suffix: mask for mask in masks}
        for image in images:
            mask = by_suffix.get(image.suffix)
            self._mask_image(image, mask)

    def _mask_image(self, image: Converted, mask: Converted | None) -> None:
        path = None if mask is None else mask.nifti
        content = write_mask(path, image.nifti)
        target = self.folder / f"defaced_mask{image.suffix}.nii.gz"

        with (
            target.open("wb") as raw,
            gzip.GzipFile(
                "",
                "wb",
                _GZIP_LEVEL,
                raw,
                mtime=0,
            ) as packed,
        ):
            packed.write(content)


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


def save_for_tool(
    content: bytes, source: Any, cells: NDArray[Any], decoded: bool, path: Path
) -> None:
    """The source's own header, private elements and all, with other pixels, as dcm2niix reads it.

    Where the pixels lie as they are in the file, only they are exchanged.
    """
    structure = scan(memoryview(content), frozenset())
    if structure.transfer_syntax in (IMPLICIT_LITTLE, EXPLICIT_LITTLE):
        pixels = in_source_order(cells, source).tobytes()
        start = structure.pixel_offset
        end = start + len(pixels)
        path.write_bytes(content[:start] + pixels + content[end:])
        return

    put_pixels(
        source,
        cells,
        source,
        decoded=decoded,
    )
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    write_readable(source, path)
