"""Files for dcm2niix: the source's own headers with other pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pydicom
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian

from deidflow.dicom.partial import PartialFile
from deidflow.dicom.pixels import (
    in_source_order,
    put_pixels,
)
from deidflow.dicom.write import write_readable


def save_for_tool(
    content: bytes, image: PartialFile, cells: NDArray[Any], decoded: bool, path: Path
) -> None:
    """The source's own header, private elements and all, with other pixels, as dcm2niix reads it.

    Where the pixels lie as they are in the file, only they are exchanged.
    """
    if image.pixel_start is not None:
        pixels = in_source_order(cells, image.attributes).tobytes()
        end = image.pixel_start + len(pixels)
        path.write_bytes(content[: image.pixel_start] + pixels + content[end:])
        return

    source = pydicom.dcmread(io.BytesIO(content))
    put_pixels(
        source,
        cells,
        source,
        decoded=decoded,
    )
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    write_readable(source, path)
