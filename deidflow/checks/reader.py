"""Reads released files as a recipient would; knows nothing of how they were written."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.uid import HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL, SecondaryCaptureImageStorage

_FREE = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
_DATED = _FREE | {"DA", "DT"}
_HIGH_THROUGHPUT = (HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL)
_CELLS = {8: "u1", 16: "u2", 32: "u4"}


def text_values(path: Path, *, dates: bool = False) -> Iterator[str]:
    """Free text of a DICOM or JSON file, with `dates` its dates too; numbers are no text."""
    if path.suffix == ".dcm":
        yield from _dicom_text(pydicom.dcmread(path, stop_before_pixels=True), _DATED if dates else _FREE)
    elif path.suffix == ".json":
        yield from _json_text(json.loads(path.read_text("utf-8")))


def _dicom_text(root: Any, representations: frozenset[str]) -> Iterator[str]:
    waiting = [root]
    while waiting:
        level = waiting.pop()
        for tag in list(level.keys()):
            element = level[tag]
            if element.VR == "SQ":
                waiting += list(element.value)
            elif element.VR in representations:
                yield str(element.value)
            elif element.VR == "UN" and isinstance(element.value, bytes):
                yield element.value.decode("latin-1")


def _json_text(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _json_text(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _json_text(inner)
    elif isinstance(value, str):
        yield value


def uids_of(header: Any) -> set[str]:
    """All UIDs in a data set that the standard does not define, nested ones too."""
    waiting, found = [header], set()
    while waiting:
        level = waiting.pop()
        for tag in list(level.keys()):
            try:
                element = level[tag]
            except Exception:
                continue
            if element.VR == "SQ":
                waiting += list(element.value)
            elif element.VR == "UI" and element.value:
                values = [element.value] if isinstance(element.value, str) else element.value
                found |= {str(value) for value in values if not str(value).startswith("1.2.840.10008.")}
    return found


def used_bits(dataset: Any, scratch: Path) -> NDArray[Any]:
    """Stored values of all pixels with only BitsStored of each, shape (frames, rows, columns, samples)."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    shape = frames, int(dataset.Rows), int(dataset.Columns), samples
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in _HIGH_THROUGHPUT:
        return _masked(pixel_array(dataset, raw=True).reshape(shape), dataset)
    if syntax.is_compressed and not syntax.is_deflated:
        return _masked(_decompressed(dataset, shape, scratch), dataset)
    order = "<" if syntax.is_little_endian else ">"
    kind = order + _CELLS[int(dataset.BitsAllocated)]
    flat = np.frombuffer(dataset.PixelData, kind, int(np.prod(shape)))
    if samples > 1 and int(dataset.get("PlanarConfiguration") or 0) == 1:
        return _masked(flat.reshape(frames, samples, *shape[1:3]).transpose(0, 2, 3, 1), dataset)
    return _masked(flat.reshape(shape), dataset)


def _decompressed(dataset: Any, shape: tuple[int, ...], scratch: Path) -> NDArray[Any]:
    """Decoded by SimpleITK from a page that has group 0028 and the pixels, but no rescale."""
    page = Dataset()
    for tag in list(dataset.keys()):
        if tag.group == 0x0028 and tag.element < 0x0200:
            page.add(dataset[tag])
    if page.PhotometricInterpretation == "MONOCHROME1":
        page.PhotometricInterpretation = "MONOCHROME2"
    page.SOPClassUID, page.SOPInstanceUID = SecondaryCaptureImageStorage, "2.25.1"
    page.file_meta = FileMetaDataset()
    page.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    page.add(dataset["PixelData"])
    with tempfile.NamedTemporaryFile(suffix=".dcm", dir=scratch) as file:
        page.save_as(file.name, enforce_file_format=True)
        values: NDArray[Any] = sitk.GetArrayFromImage(sitk.ReadImage(file.name)).reshape(shape)
    return values


def _masked(values: NDArray[Any], dataset: Any) -> NDArray[Any]:
    stored = int(dataset.BitsStored)
    lowest = int(dataset.get("HighBit", stored - 1)) - stored + 1
    kept: NDArray[Any] = (values.astype(np.int64) >> lowest) & ((1 << stored) - 1)
    return kept
