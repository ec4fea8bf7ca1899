"""Stored values of files that need a decoder, as pydicom and SimpleITK decode them."""

from __future__ import annotations

import io
import tempfile
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.uid import HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL, SecondaryCaptureImageStorage

from deidflow.checks.cells import CELL_TYPES, Shape, Values, in_shape, used_bits

_HIGH_THROUGHPUT = (HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL)
_IMAGE_GROUP = 0x0028
_FIRST_PALETTE = 0x0200
"""Elements of the image group below it describe the cells; rescale and palettes come after."""
_PAGE_UID = "2.25.1"


def decoded_values(content: bytes, scratch: Path) -> Values:
    """Stored values with only BitsStored of each, shape (frames, rows, columns, samples).

    `scratch` is a private folder for decoding.
    """
    dataset = pydicom.dcmread(io.BytesIO(content))
    stored = int(dataset.BitsStored)
    default = stored - 1
    highest = int(dataset.get("HighBit", default))

    shape = _shape_of(dataset)
    decoded = _decoded(dataset, shape, scratch)
    return used_bits(
        decoded,
        stored,
        lowest=highest - default,
    )


def _shape_of(dataset: Any) -> Shape:
    frames = dataset.get("NumberOfFrames") or 1
    samples = dataset.get("SamplesPerPixel") or 1
    return (
        int(frames),
        int(dataset.Rows),
        int(dataset.Columns),
        int(samples),
    )


def _decoded(dataset: Any, shape: Shape, scratch: Path) -> Values:
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in _HIGH_THROUGHPUT:
        decoded: Values = pixel_array(dataset, raw=True)
        return decoded.reshape(shape)
    if syntax.is_compressed and not syntax.is_deflated:
        return _decompressed(dataset, shape, scratch)
    return _native(dataset, shape)


def _native(dataset: Any, shape: Shape) -> Values:
    order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
    cell = CELL_TYPES[int(dataset.BitsAllocated)]
    flat = np.frombuffer(
        dataset.PixelData,
        f"{order}{cell}",
        count=prod(shape),
    )
    configuration = int(dataset.get("PlanarConfiguration") or 0)
    return in_shape(
        flat,
        shape,
        planar=configuration == 1,
    )


def _decompressed(dataset: Any, shape: Shape, scratch: Path) -> Values:
    """Decoded by SimpleITK from a page without rescale."""
    page = _page_of(dataset)
    with tempfile.NamedTemporaryFile(
        suffix=".dcm",
        dir=scratch,
    ) as file:
        path = file.name
        page.save_as(
            path,
            enforce_file_format=True,
        )
        image = sitk.ReadImage(path)
    values: Values = sitk.GetArrayFromImage(image)
    return values.reshape(shape)


def _page_of(dataset: Any) -> Dataset:
    """A secondary capture with the pixels and what describes their cells, and nothing else."""
    page = Dataset()
    for tag in list(dataset.keys()):
        if tag.group == _IMAGE_GROUP and tag.element < _FIRST_PALETTE:
            page.add(dataset[tag])
    page.add(dataset["PixelData"])
    if page.PhotometricInterpretation == "MONOCHROME1":
        page.PhotometricInterpretation = "MONOCHROME2"

    page.SOPClassUID = SecondaryCaptureImageStorage
    page.SOPInstanceUID = _PAGE_UID
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    page.file_meta = meta
    return page
