"""A series of which rectangles are blanked: all other stored values as they were.

What dcm2niix made of the source shows the text still, so that it converts the blanked images anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deidflow.burned.rectangles import Covered, covered
from deidflow.dicom.functional_groups import PER_FRAME_TAG
from deidflow.dicom.image_attributes import IMAGE_ATTRIBUTES
from deidflow.dicom.partial import AttributeReader
from deidflow.dicom.pixels import ColourLayout, read_pixels
from deidflow.dicom.stored_values import filled, without_overlay_bits
from deidflow.dicom.structure import EXPLICIT_LITTLE
from deidflow.header.markers import mark_blanked, mark_clean
from deidflow.header.profile import Profile
from deidflow.identity.workorder import SeriesOrder, WorkOrder
from deidflow.nifti.convert import convert
from deidflow.steps.common import read_content
from deidflow.steps.defaced_header import describe_edited, native_element
from deidflow.steps.released_file import ReleasedFiles
from deidflow.steps.results import InspectedSeries
from deidflow.steps.series_images import release_images
from deidflow.steps.tool_files import save_for_tool
from deidflow.store.files import remove_tree


@dataclass(frozen=True)
class _Blanked:
    """What the header of an instance says once rectangles were blanked."""

    layout: ColourLayout
    lossy: bool
    """The pixels were compressed with loss before."""
    clean: bool
    """It was read again afterwards."""

    def __call__(self, header: Any) -> None:
        """Say so in a header."""
        describe_edited(header, self.layout, lossy=self.lossy)
        mark_blanked(header, enhanced=PER_FRAME_TAG in header)
        if self.clean:
            mark_clean(header)


@dataclass(frozen=True)
class BlankedSeries:
    """Builds one blanked series into `folder`; what was blanked is kept in the vault's `masks`."""

    order: WorkOrder
    profile: Profile
    inspected: InspectedSeries
    folder: Path
    masks: Path
    log: Path
    released: ReleasedFiles
    reader: AttributeReader = field(default_factory=partial(AttributeReader, IMAGE_ATTRIBUTES))

    def build(self, series: SeriesOrder, headers: Sequence[Path], names: Sequence[str]) -> int:
        """Write DICOM, and NIfTI where the series is a volume.

        Returns in how many instances bits outside the stored values were cleared.
        """
        work = self.masks.parent.with_name(f".{series.name}.scratch")
        for path in (self.folder / "dicom", work / "image"):
            path.mkdir(parents=True)

        masks = {}
        cleared = 0
        instances = zip(series.files, headers, names, strict=True)
        try:
            for number, (file, header, name) in enumerate(instances, 1):
                content = read_content(self.order, file)
                blank, had_overlay = self._instance(
                    content,
                    header,
                    name,
                    work,
                    number,
                )
                masks[name] = np.packbits(blank)
                cleared += had_overlay
            if not series.is_picture:
                self._images(series, work)
        finally:
            remove_tree(work)

        np.savez_compressed(self.masks, **masks)  # type: ignore[arg-type]
        return cleared

    def _instance(
        self, content: bytes, header_path: Path, name: str, work: Path, number: int
    ) -> tuple[Covered, bool]:
        image = self.reader.read(content, pixels=True)
        source = image.attributes
        pixels = read_pixels(source, work)
        rectangles = self.inspected.of_instance(number)
        blank = covered(rectangles, pixels.cells.shape[:3])
        clean = without_overlay_bits(pixels.cells, source)
        cells = filled(clean, blank, source)

        edit = _Blanked(
            layout=ColourLayout.of(cells, source, decoded=pixels.decoded),
            lossy=pixels.lossy,
            clean=self.inspected.is_clean,
        )
        self.released.write(
            header_path.read_bytes(),
            edit,
            native_element(cells, int(source.BitsAllocated)),
            EXPLICIT_LITTLE,
            self.folder / "dicom" / name,
        )
        save_for_tool(
            content,
            image,
            cells,
            pixels.decoded,
            work / "image" / f"{number:06d}.dcm",
        )
        return blank, clean is not pixels.cells

    def _images(self, series: SeriesOrder, work: Path) -> None:
        images = convert(
            work / "image",
            work / "image.out",
            self.log,
        )
        release_images(
            images,
            self.folder,
            stem="image",
            order=self.order,
            series=series,
            profile=self.profile,
        )
