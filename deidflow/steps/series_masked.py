"""A series without its face: stored integers overwritten inside the mask, all others as they were.

Three forms of every instance: the released one (anonymized header), one with the source's header for
dcm2niix, and one whose pixels are the mask itself, so that the mask's NIfTI goes the same way.
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

_RANGES = (
    "SmallestImagePixelValue", "LargestImagePixelValue", "SmallestPixelValueInSeries", "LargestPixelValueInSeries",
)  # fmt: skip
Removed = NDArray[np.bool_]


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
    ) -> dict[str, int]:
        """Write DICOM, NIfTI, mask and sidecar; returns how many pixels were removed, and where bits were cleared."""
        work = self.masks.parent.with_name(f".{series.name}.scratch")
        for path in (self.folder / "defaced_dicom", work / "image", work / "mask"):
            path.mkdir(parents=True)
        try:
            kept: dict[str, NDArray[np.uint8]] = {}
            cleared = 0
            for number, (file, header, name) in enumerate(
                zip(series.files, headers, names, strict=True), 1
            ):
                content = read_content(self.order, file)
                removed, had_overlay = self._instance(content, header, name, work, number)
                kept[name] = np.packbits(removed)
                cleared += had_overlay
            self._images(series, work)
        finally:
            remove_tree(work)
        np.savez_compressed(self.masks, **kept)  # type: ignore[arg-type]
        count = int(sum(np.unpackbits(packed).sum() for packed in kept.values()))
        return {"removed": count, "overlay_bits_cleared": cleared}

    def _instance(
        self, content: bytes, header_path: Path, name: str, work: Path, number: int
    ) -> tuple[Removed, bool]:
        source = pydicom.dcmread(io.BytesIO(content))
        pixels = read_pixels(source, work)
        removed = self._removed(source, pixels.cells.shape[:3])
        clean = without_overlay_bits(pixels.cells, source)
        cells = self._filled(source, clean, removed)
        header = pydicom.dcmread(header_path)
        self._released(header, cells, source, pixels).save_as(
            self.folder / "defaced_dicom" / name, enforce_file_format=True
        )
        shown = np.broadcast_to(~removed[..., None], cells.shape).astype(cells.dtype)
        for kind, values in (("image", cells), ("mask", shown)):
            save_for_tool(
                content, source, values, pixels.decoded, work / kind / f"{number:06d}.dcm"
            )
        return removed, clean is not pixels.cells

    def _removed(self, source: Any, shape: tuple[int, ...]) -> Removed:
        removed = np.zeros(shape, bool)
        for plane in planes(source):
            rows = slice(plane.top, plane.top + plane.rows)
            columns = slice(plane.left, plane.left + plane.columns)
            removed[plane.frame, rows, columns] |= self._on(plane)
        return removed

    def _on(self, plane: Plane) -> Removed:
        """The mask on a plane, computed once for all volumes."""
        numbers = plane.origin, plane.row_direction, plane.column_direction
        shape = plane.rows, plane.columns
        scales = repr((*shape, plane.row_spacing, plane.column_spacing)).encode()
        key = (*(one.tobytes() for one in numbers), scales)
        if key not in self.planes:
            self.planes[key] = np.packbits(self.mask.removed(plane))
        return (
            np.unpackbits(self.planes[key], count=shape[0] * shape[1]).reshape(shape).astype(bool)
        )

    def _filled(self, source: Any, cells: NDArray[Any], removed: Removed) -> NDArray[Any]:
        filled = cells.copy()
        for frame in np.flatnonzero(removed.any((1, 2))):
            value = np.array(fill_cell(source, int(frame), self.settings.fill), np.int64).astype(
                cells.dtype
            )
            filled[frame][removed[frame]] = value
        return filled

    def _released(self, header: Any, cells: NDArray[Any], source: Any, pixels: Pixels) -> Any:
        put_pixels(header, cells, source, decoded=pixels.decoded)
        for keyword in _RANGES:
            if keyword in header:
                del header[keyword]
        if pixels.lossy:
            header.LossyImageCompression = "01"
        renumber(header, self.uids)
        mark_defaced(
            header,
            enhanced=PER_FRAME_TAG in header,
            derived=self.settings.image_type == "derived",
        )
        header.file_meta = file_meta(header, ExplicitVRLittleEndian)
        header.preamble = b"\0" * 128
        return header

    def _images(self, series: SeriesOrder, work: Path) -> None:
        images = convert(work / "image", work / "image.out", self.log)
        masks = {one.suffix: one for one in convert(work / "mask", work / "mask.out", self.log)}
        extra = extra_fields(self.order, series, self.profile)
        release_images(
            images, self.folder, "defaced", scrubber_for(self.order, self.profile), extra
        )
        for image in images:
            self._mask_image(image, masks.get(image.suffix))

    def _mask_image(self, image: Converted, mask: Converted | None) -> None:
        content = write_mask(mask.nifti if mask else None, image.nifti)
        target = self.folder / f"defaced_mask{image.suffix}.nii.gz"
        with target.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            packed.write(content)


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
        path.write_bytes(content[:start] + pixels + content[start + len(pixels) :])
        return
    put_pixels(source, cells, source, decoded=decoded)
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    write_readable(source, path)
