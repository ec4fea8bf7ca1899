"""Stored pixel values: read exactly, never rescaled, and put back as Explicit VR Little Endian."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import pixel_array

from deidflow.dicom.component import PHASE, component
from deidflow.dicom.encoding import NATIVE
from deidflow.dicom.structure import EXPLICIT_BIG
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

Stored = NDArray[Any]
LOSSY = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in ("50", "51", "81", "91", "203"))
HIGH_THROUGHPUT = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in ("201", "202", "203"))
"""HTJ2K, which GDCM cannot decode."""
_CELLS = {8: "u1", 16: "u2", 32: "u4"}
_SHAPE = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
    "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames",
)  # fmt: skip


@dataclass(frozen=True)
class Pixels:
    """Stored cells of one instance, shape (frames, rows, columns, samples), and how they were read."""

    cells: Stored
    decoded: bool
    lossy: bool


def read_pixels(source: Any, scratch: Path) -> Pixels:
    """The stored cells of a data set as read by pydicom; compressed ones decoded by SimpleITK's GDCM.

    Native cells are unsigned and hold every allocated bit. Raises Withheld without a decoder.
    """
    check_encoding(source)
    syntax = str(source.file_meta.TransferSyntaxUID)
    if syntax in NATIVE:
        return Pixels(_native(source, syntax), decoded=False, lossy=False)
    if lowest_bit(source):
        raise Withheld(Reason.NO_DECODER, "high bit")
    cells = _openjpeg(source) if syntax in HIGH_THROUGHPUT else _decode(source, scratch)
    return Pixels(cells, decoded=True, lossy=syntax in LOSSY)


def check_encoding(source: Any) -> None:
    """Raise Withheld for fragments under a native transfer syntax, and native pixels under a compressed one."""
    in_fragments = bool(source["PixelData"].is_undefined_length)
    if in_fragments == (str(source.file_meta.TransferSyntaxUID) in NATIVE):
        raise Withheld(Reason.PIXEL_ENCODING)


def lowest_bit(source: Any) -> int:
    """The bit of a cell where the stored value begins; 0 but for old files (HighBit, PS3.5 8.1.1)."""
    stored = int(source.BitsStored)
    lowest = int(source.get("HighBit", stored - 1)) - stored + 1
    if not 0 <= lowest <= int(source.BitsAllocated) - stored:
        raise Withheld(Reason.NO_DECODER, "high bit")
    return lowest


def stored_values(cells: Stored, source: Any) -> NDArray[np.int64]:
    """The integers that cells hold in their BitsStored, signed where the header says so."""
    bits = int(source.BitsStored)
    values: NDArray[np.int64] = (cells.astype(np.int64) >> lowest_bit(source)) & ((1 << bits) - 1)
    if int(source.PixelRepresentation) == 1:
        values = values - ((values >> (bits - 1)) << bits)
    return values


def real_values(cells: Stored, source: Any, frame: int) -> NDArray[np.float32]:
    """A frame's cells (rows, columns, samples) in real units (HU for CT), colour as its mean, (rows, columns)."""
    slope, intercept = _rescale(source, frame)
    stored = stored_values(cells, source).mean(-1, dtype=np.float32)
    if source.PhotometricInterpretation == "MONOCHROME1" and source.get("Modality") != "CT":
        stored = stored.max() - stored
    values: NDArray[np.float32] = (stored * np.float32(slope) + np.float32(intercept)).astype(
        np.float32
    )
    return values


def without_overlay_bits(cells: Stored, source: Any) -> Stored:
    """Native cells whose bits outside BitsStored hold nothing; a sign that goes on above the value may stay.

    Old overlays lie in such bits (PS3.5 8.1.1, retired), and whatever else somebody put there. Raises Withheld
    where HighBit contradicts the pixels: values below it, and none in its highest bits.
    """
    stored, allocated = int(source.BitsStored), int(source.BitsAllocated)
    if stored == allocated or cells.dtype.kind != "u":
        return cells
    lowest = lowest_bit(source)
    plain: Stored = cells & cells.dtype.type(((1 << stored) - 1) << lowest)
    if np.array_equal(plain, cells):
        return cells
    if lowest and not (cells >> stored).any():
        raise Withheld(Reason.NO_DECODER, "high bit")
    if int(source.PixelRepresentation) == 0:
        return plain
    signed: Stored = (stored_values(cells, source) << lowest).astype(cells.dtype)
    return cells if np.array_equal(signed, cells) else signed


def shape_of(source: Any) -> tuple[int, int, int, int]:
    """Frames, rows, columns and samples."""
    frames = int(source.get("NumberOfFrames") or 1)
    return frames, int(source.Rows), int(source.Columns), int(source.get("SamplesPerPixel") or 1)


def _native(source: Any, syntax: str) -> Stored:
    frames, rows, columns, samples = shape_of(source)
    if (
        int(source.BitsAllocated) not in _CELLS
        or source.PhotometricInterpretation == "YBR_FULL_422"
    ):
        raise Withheld(Reason.NO_DECODER)
    kind = np.dtype(_CELLS[int(source.BitsAllocated)])
    stored = kind.newbyteorder(">" if syntax == EXPLICIT_BIG else "<")
    flat = np.frombuffer(source.PixelData, stored, frames * rows * columns * samples).astype(kind)
    if samples > 1 and int(source.get("PlanarConfiguration") or 0) == 1:
        return flat.reshape(frames, samples, rows, columns).transpose(0, 2, 3, 1)
    return flat.reshape(frames, rows, columns, samples)


def _decode(source: Any, scratch: Path) -> Stored:
    """Decode through a file that has the pixel description only, so that nothing else can confuse GDCM."""
    bare = Dataset()
    for keyword in _SHAPE:
        if keyword in source:
            bare[keyword] = source[keyword]
    if bare.PhotometricInterpretation == "MONOCHROME1":
        bare.PhotometricInterpretation = "MONOCHROME2"
    bare["PixelData"] = source["PixelData"]
    bare.SOPClassUID, bare.SOPInstanceUID, bare.Modality = (
        "1.2.840.10008.5.1.4.1.1.7",
        "2.25.1",
        "OT",
    )
    bare.file_meta = FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID
    path = scratch / "decode.dcm"
    try:
        bare.save_as(path, enforce_file_format=True)
        return _read_gdcm(path, shape_of(source))
    except (RuntimeError, ValueError):
        raise Withheld(Reason.NO_DECODER) from None
    finally:
        path.unlink(missing_ok=True)


def _openjpeg(source: Any) -> Stored:
    """HTJ2K, frame by frame, by OpenJPEG through pydicom."""
    try:
        values = np.asarray(pixel_array(source, raw=True))
    except Exception:
        raise Withheld(Reason.NO_DECODER) from None
    cells: Stored = np.ascontiguousarray(values.reshape(shape_of(source)))
    return cells


def _read_gdcm(path: Path, shape: tuple[int, int, int, int]) -> Stored:
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    values = sitk.GetArrayFromImage(reader.Execute())
    if values.size != np.prod(shape):
        raise ValueError("unexpected number of pixels")
    return np.ascontiguousarray(values.reshape(shape))


def put_pixels(header: Any, cells: Stored, source: Any, *, decoded: bool) -> None:
    """Give a header the cells as native pixel data; the bytes are those of the source outside edits."""
    allocated = int(source.BitsAllocated)
    kind = np.dtype(_CELLS[allocated]).newbyteorder("<")
    content = np.ascontiguousarray(cells).astype(kind, casting="unsafe").tobytes()
    header.PixelData = content + (b"\0" if len(content) % 2 else b"")
    header["PixelData"].VR = "OB" if allocated == 8 else "OW"
    if cells.shape[3] > 1:
        header.PlanarConfiguration = 0
        if decoded and str(source.PhotometricInterpretation).startswith("YBR"):
            header.PhotometricInterpretation = "RGB"


def in_source_order(cells: Stored, source: Any) -> Stored:
    """Native cells in the order of the source's pixel data: planes of samples where it has such."""
    if cells.shape[3] > 1 and int(source.get("PlanarConfiguration") or 0) == 1:
        cells = cells.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(cells)


def fill_cell(source: Any, frame: int, fill: float | None = None) -> int:
    """The stored value of real 0 (MR, PT), 2048 for phase, -1000 HU (CT), 0 (colour) for one frame.

    `fill` is another real value. Returned as the unsigned cell. Neither the minimum (pads lie below air)
    nor PixelPaddingValue.
    """
    if int(source.get("SamplesPerPixel") or 1) > 1:
        return 0
    slope, intercept = _rescale(source, frame)
    real = fill if fill is not None else -1000.0 if source.get("Modality") == "CT" else 0.0
    middle = fill is None and _is_unscaled_phase(source, frame)
    value = 2048 if middle else round((real - intercept) / slope)
    bits, signed = int(source.BitsStored), int(source.PixelRepresentation) == 1
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    cell = min(max(value, low), high) << lowest_bit(source)
    return cell & ((1 << int(source.BitsAllocated)) - 1)


def _is_unscaled_phase(source: Any, frame: int) -> bool:
    """Phase as 0 to 4095 without a rescale that says where zero is."""
    unsigned = int(source.PixelRepresentation) == 0 and int(source.BitsStored) >= 12
    return unsigned and _rescale(source, frame) == (1.0, 0.0) and component(source, frame) == PHASE


def _rescale(source: Any, frame: int) -> tuple[float, float]:
    groups = source.get("PerFrameFunctionalGroupsSequence")
    shared = source.get("SharedFunctionalGroupsSequence")
    for group in ([groups[frame]] if groups else []) + ([shared[0]] if shared else []):
        if group.get("PixelValueTransformationSequence"):
            item = group.PixelValueTransformationSequence[0]
            return float(item.RescaleSlope) or 1.0, float(item.RescaleIntercept)
    slope = source.get("RescaleSlope")
    return float(1 if slope in (None, "") else slope) or 1.0, float(
        source.get("RescaleIntercept") or 0
    )
