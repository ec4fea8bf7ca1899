"""A series released with all its pixels: the de-identified header, and the pixel bytes as they
were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pydicom
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import RLELossless

from deidflow.dicom.codestream import without_comments
from deidflow.dicom.elements import PIXEL_DATA
from deidflow.dicom.encoding import NATIVE
from deidflow.dicom.image_attributes import IMAGE_ATTRIBUTES
from deidflow.dicom.partial import AttributeReader
from deidflow.dicom.pixels import (
    ColourLayout,
    check_encoding,
    put_pixels,
    read_pixels,
    shape_of,
)
from deidflow.dicom.stored_values import without_overlay_bits
from deidflow.dicom.structure import EXPLICIT_BIG, EXPLICIT_LITTLE
from deidflow.header.edit import Edit, Encoded, encoded_elements
from deidflow.header.markers import mark_clean
from deidflow.identity.workorder import FileOrder, WorkOrder
from deidflow.steps.common import read_content
from deidflow.steps.released_file import ReleasedFiles

_AS_IT_WAS = ColourLayout()


def release_whole(
    order: WorkOrder,
    files: Sequence[FileOrder],
    headers: Sequence[Path],
    targets: Sequence[Path],
    scratch: Path,
    *,
    is_clean: bool = False,
) -> int:
    """Write the instances of a series; compressed ones keep their transfer syntax.

    `is_clean`: every image was read, and holds no text that says something of a person.

    Returns in how many instances bits outside the stored values were cleared.
    """
    cleared = 0
    targets[0].parent.mkdir(parents=True)
    released = ReleasedFiles()
    reader = AttributeReader(IMAGE_ATTRIBUTES)
    instances = zip(files, headers, targets, strict=True)
    for file, header_path, target in instances:
        content = read_content(order, file)
        source = reader.read(content, pixels=True).attributes
        pixels = _pixels_of(source, scratch)
        released.write(
            header_path.read_bytes(),
            _Whole(pixels.layout, is_clean),
            pixels.encoded(source),
            pixels.syntax,
            target,
        )
        cleared += pixels.cleared
    return cleared


@dataclass(frozen=True)
class _Whole:
    """What the header of an instance says that keeps its pixels."""

    layout: ColourLayout
    clean: bool

    def __call__(self, header: Any) -> None:
        """Say so in a header."""
        self.layout(header)
        if self.clean:
            mark_clean(header)


@dataclass(frozen=True)
class _Pixels:
    """The pixel data of a released instance."""

    syntax: str
    give: Edit | None
    """Gives the pixel data to a header; None for an object without any."""
    layout: ColourLayout = _AS_IT_WAS
    cleared: bool = False
    """Whether bits outside the stored values were cleared."""

    def encoded(self, source: Any) -> Encoded:
        """The element of the pixel data, if any; its VR depends on what the source says of them."""
        if self.give is None:
            return {}
        holder = pydicom.Dataset()
        for keyword in ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel"):
            if keyword in source:
                holder[keyword] = source[keyword]
        self.give(holder)
        element = encoded_elements(holder)[PIXEL_DATA]
        return {PIXEL_DATA: element}


def _pixels_of(source: Any, scratch: Path) -> _Pixels:
    """The pixels of the source, without what other bits of their cells hold."""
    if "PixelData" not in source:
        return _Pixels(EXPLICIT_LITTLE, None)
    check_encoding(source)
    syntax = str(source.file_meta.TransferSyntaxUID)
    if syntax not in NATIVE:
        is_plain = syntax == RLELossless
        give = _give_element if is_plain else _give_frames
        return _Pixels(syntax, partial(give, source=source))
    if _is_odd(source):
        return _Pixels(EXPLICIT_LITTLE, partial(_give_element, source=source))
    return _clean_pixels(source, scratch)


def _clean_pixels(source: Any, scratch: Path) -> _Pixels:
    cells = read_pixels(source, scratch).cells
    clean = without_overlay_bits(cells, source)
    cleared = clean is not cells
    if not cleared and source.file_meta.TransferSyntaxUID != EXPLICIT_BIG:
        return _Pixels(EXPLICIT_LITTLE, partial(_give_element, source=source))

    give = partial(
        put_pixels,
        cells=clean,
        source=source,
        decoded=False,
    )
    layout = ColourLayout.of(clean, source, decoded=False)
    return _Pixels(EXPLICIT_LITTLE, give, layout, cleared)


def _give_element(header: Any, source: Any) -> None:
    header["PixelData"] = source["PixelData"]


def _give_frames(header: Any, source: Any) -> None:
    """Compressed frames, without the comments that some codecs write into them."""
    count, *_ = shape_of(source)
    frames = generate_frames(
        source.PixelData,
        number_of_frames=count,
    )
    header.PixelData = encapsulate([without_comments(frame) for frame in frames])
    header["PixelData"].VR = "OB"
    header["PixelData"].is_undefined_length = True


def _is_odd(source: Any) -> bool:
    """Pixels of less than a byte, or with shared colours: they have no spare bits."""
    is_whole_bytes = int(source.BitsAllocated) in (8, 16, 32)
    shares_colours = source.PhotometricInterpretation == "YBR_FULL_422"
    return shares_colours or not is_whole_bytes
