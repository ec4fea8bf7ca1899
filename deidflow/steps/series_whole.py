"""A series released with all its pixels: the de-identified header, and the pixel bytes as they
were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydicom
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from deidflow.dicom.codestream import without_comments
from deidflow.dicom.encoding import NATIVE
from deidflow.dicom.pixels import check_encoding, put_pixels, read_pixels, shape_of
from deidflow.dicom.stored_values import without_overlay_bits
from deidflow.dicom.structure import EXPLICIT_BIG
from deidflow.identity.workorder import FileOrder, WorkOrder
from deidflow.steps.anonymize import file_meta
from deidflow.steps.common import read_source


def release_whole(
    order: WorkOrder,
    files: Sequence[FileOrder],
    headers: Sequence[Path],
    targets: Sequence[Path],
    scratch: Path,
) -> int:
    """Write the instances of a series; compressed ones keep their transfer syntax.

    Returns in how many instances bits outside the stored values were cleared.
    """
    cleared = 0
    targets[0].parent.mkdir(parents=True)
    instances = zip(files, headers, targets, strict=True)
    for file, header_path, target in instances:
        source = read_source(order, file, pixels=True)
        header = pydicom.dcmread(header_path)
        cleared += _give_pixels(header, source, scratch)
        header.save_as(target, enforce_file_format=True)
    return cleared


def _give_pixels(header: Any, source: Any, scratch: Path) -> bool:
    """The pixels of the source; whether something outside their stored bits was cleared."""
    check_encoding(source)
    syntax = source.file_meta.TransferSyntaxUID
    is_native = syntax in NATIVE
    cleared = False
    if is_native and not _is_odd(source):
        cleared = _give_clean_cells(
            header,
            source,
            scratch,
        )
    elif is_native or syntax == RLELossless:
        header["PixelData"] = source["PixelData"]
    else:
        _give_frames(header, source)

    released = ExplicitVRLittleEndian if is_native else syntax
    header.file_meta = file_meta(header, released)
    header.preamble = b"\0" * 128
    return cleared


def _give_clean_cells(header: Any, source: Any, scratch: Path) -> bool:
    """Stored values without what other bits of their cells hold; whether these held something."""
    cells = read_pixels(source, scratch).cells
    clean = without_overlay_bits(cells, source)
    cleared = clean is not cells
    if cleared or source.file_meta.TransferSyntaxUID == EXPLICIT_BIG:
        put_pixels(
            header,
            clean,
            source,
            decoded=False,
        )
    else:
        header["PixelData"] = source["PixelData"]

    return cleared


def _give_frames(header: Any, source: Any) -> None:
    """Compressed frames, without the comments that some codecs write into them."""
    count, *_ = shape_of(source)
    frames = generate_frames(
        source.PixelData,
        number_of_frames=count,
    )
    header.PixelData = encapsulate([without_comments(frame) for frame in frames])
    header["PixelData"].VR = "OB"


def _is_odd(source: Any) -> bool:
    """Pixels of less than a byte, or with shared colours: they have no spare bits."""
    is_whole_bytes = int(source.BitsAllocated) in (8, 16, 32)
    shares_colours = source.PhotometricInterpretation == "YBR_FULL_422"
    return shares_colours or not is_whole_bytes
