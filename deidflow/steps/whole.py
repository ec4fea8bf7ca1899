"""A series released with all its pixels: the de-identified header, and the pixel bytes as they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydicom
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from deidflow.dicom.codestream import without_comments
from deidflow.dicom.pixels import NATIVE, put_pixels, read_pixels, shape_of
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
) -> None:
    """Write the instances of a series; compressed ones keep their transfer syntax."""
    targets[0].parent.mkdir(parents=True)
    for file, header_path, target in zip(files, headers, targets, strict=True):
        source = read_source(order, file, pixels=True)
        header = pydicom.dcmread(header_path)
        _give_pixels(header, source, scratch)
        header.save_as(target, enforce_file_format=True)


def _give_pixels(header: Any, source: Any, scratch: Path) -> None:
    syntax = source.file_meta.TransferSyntaxUID
    if syntax == EXPLICIT_BIG:
        put_pixels(header, read_pixels(source, scratch).cells, source, decoded=False)
    elif syntax in NATIVE or syntax == RLELossless:
        header["PixelData"] = source["PixelData"]
    else:
        frames = generate_frames(source.PixelData, number_of_frames=shape_of(source)[0])
        header.PixelData = encapsulate([without_comments(frame) for frame in frames])
        header["PixelData"].VR = "OB"
    header.file_meta = file_meta(header, ExplicitVRLittleEndian if syntax in NATIVE else syntax)
    header.preamble = b"\0" * 128
