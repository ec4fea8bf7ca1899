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
from deidflow.dicom.functional_groups import FunctionalGroups
from deidflow.dicom.structure import EXPLICIT_BIG
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

Stored = NDArray[Any]
LOSSY = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in ("50", "51", "81", "91", "203"))
HIGH_THROUGHPUT = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in ("201", "202", "203"))
"""HTJ2K, which GDCM cannot decode."""
_CELLS = {8: "u1", 16: "u2", 32: "u4"}
_SHAPE = (
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
)
"""Attributes that describe pixel data (PS3.3 C.7.6.3)."""
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_ANY_UID = "2.25.1"
_AIR_HU = -1000.0
_MIDDLE_OF_PHASE = 2048


@dataclass(frozen=True)
class Pixels:
    """Stored cells of one instance, shape (frames, rows, columns, samples), and how they were read.

    `decoded` is set if the source is compressed, `lossy` if its compression is.
    """

    cells: Stored
    decoded: bool
    lossy: bool


def read_pixels(source: Any, scratch: Path) -> Pixels:
    """The stored cells of a data set as read by pydicom, decoded by SimpleITK's GDCM if compressed.

    Native cells are unsigned and hold every allocated bit. `scratch` is a folder for temporary files.
    Raises Withheld without a decoder.
    """
    check_encoding(source)
    syntax = str(source.file_meta.TransferSyntaxUID)
    if syntax in NATIVE:
        return Pixels(
            _native(source, syntax),
            decoded=False,
            lossy=False,
        )
    if lowest_bit(source):
        raise Withheld(Reason.NO_DECODER, "high bit")
    is_lossy = syntax in LOSSY
    if syntax in HIGH_THROUGHPUT:
        return Pixels(
            _openjpeg(source),
            decoded=True,
            lossy=is_lossy,
        )
    return Pixels(
        _gdcm(source, scratch),
        decoded=True,
        lossy=is_lossy,
    )


def check_encoding(source: Any) -> None:
    """Raise Withheld if pixels are in fragments under a native transfer syntax, or the reverse."""
    in_fragments = bool(source["PixelData"].is_undefined_length)
    is_native = str(source.file_meta.TransferSyntaxUID) in NATIVE
    if in_fragments == is_native:
        raise Withheld(Reason.PIXEL_ENCODING)


def lowest_bit(source: Any) -> int:
    """The bit of a cell where the stored value begins; 0 except in old files (PS3.5 section 8.1.1).

    Raises Withheld if HighBit lies outside the cell.
    """
    stored = int(source.BitsStored)
    highest = int(source.get("HighBit", stored - 1))
    lowest = highest - stored + 1
    if not 0 <= lowest <= int(source.BitsAllocated) - stored:
        raise Withheld(Reason.NO_DECODER, "high bit")
    return lowest


def stored_values(cells: Stored, source: Any) -> NDArray[np.int64]:
    """The integers that cells hold in their BitsStored, signed if the header says so."""
    bits = int(source.BitsStored)
    mask = (1 << bits) - 1
    aligned = cells.astype(np.int64) >> lowest_bit(source)
    values: NDArray[np.int64] = aligned & mask
    if int(source.PixelRepresentation) != 1:
        return values
    sign = values >> (bits - 1)
    return values - (sign << bits)


def real_values(cells: Stored, source: Any, frame: int) -> NDArray[np.float32]:
    """A frame's cells, shape (rows, columns, samples), in real units (HU for CT), shape (rows, columns).

    Colour becomes the mean of its samples.
    """
    rescale = _rescale(source, frame)
    samples = stored_values(cells, source)
    stored = samples.mean(-1, dtype=np.float32)
    is_inverted = source.PhotometricInterpretation == "MONOCHROME1"
    if is_inverted and source.get("Modality") != "CT":
        stored = stored.max() - stored

    slope = np.float32(rescale.slope)
    intercept = np.float32(rescale.intercept)
    values: NDArray[np.float32] = (stored * slope + intercept).astype(np.float32)
    return values


def without_overlay_bits(cells: Stored, source: Any) -> Stored:
    """Native cells whose bits outside BitsStored are cleared; a sign extended above the value may stay.

    Old overlays are in such bits (PS3.5 section 8.1.1, retired), and whatever else somebody put there.
    Raises Withheld if HighBit contradicts the pixels: values below it, and none in its highest bits.
    """
    stored = int(source.BitsStored)
    allocated = int(source.BitsAllocated)
    if stored == allocated or cells.dtype.kind != "u":
        return cells

    lowest = lowest_bit(source)
    value_mask = (1 << stored) - 1
    mask = cells.dtype.type(value_mask << lowest)
    plain: Stored = cells & mask
    if np.array_equal(plain, cells):
        return cells
    if lowest and not (cells >> stored).any():
        raise Withheld(Reason.NO_DECODER, "high bit")
    if int(source.PixelRepresentation) == 0:
        return plain

    values = stored_values(cells, source)
    signed: Stored = (values << lowest).astype(cells.dtype)
    return cells if np.array_equal(signed, cells) else signed


def shape_of(source: Any) -> tuple[int, int, int, int]:
    """Frames, rows, columns and samples."""
    frames = int(source.get("NumberOfFrames") or 1)
    rows = int(source.Rows)
    columns = int(source.Columns)
    samples = int(source.get("SamplesPerPixel") or 1)
    return frames, rows, columns, samples


def _has_sample_planes(source: Any) -> bool:
    """Whether native pixel data hold one plane per sample (PS3.3 C.7.6.3.1.3)."""
    return int(source.get("PlanarConfiguration") or 0) == 1


def _native(source: Any, syntax: str) -> Stored:
    frames, rows, columns, samples = shape_of(source)
    allocated = int(source.BitsAllocated)
    if allocated not in _CELLS or source.PhotometricInterpretation == "YBR_FULL_422":
        raise Withheld(Reason.NO_DECODER)

    kind = np.dtype(_CELLS[allocated])
    stored = kind.newbyteorder(">" if syntax == EXPLICIT_BIG else "<")
    count = frames * rows * columns * samples
    flat = np.frombuffer(source.PixelData, stored, count).astype(kind)
    if samples > 1 and _has_sample_planes(source):
        return flat.reshape(frames, samples, rows, columns).transpose(
            0,
            2,
            3,
            1,
        )
    return flat.reshape(
        frames,
        rows,
        columns,
        samples,
    )


def _gdcm(source: Any, scratch: Path) -> Stored:
    """Decode with GDCM through a file of the pixel description only, so that nothing else confuses it."""
    path = scratch / "decode.dcm"
    try:
        _pixel_description(source).save_as(path, enforce_file_format=True)
        return _read_gdcm(path, shape_of(source))
    except (RuntimeError, ValueError):
        raise Withheld(Reason.NO_DECODER) from None
    finally:
        path.unlink(missing_ok=True)


def _pixel_description(source: Any) -> Dataset:
    """A secondary capture with the pixel data of the source, and the attributes that describe them."""
    bare = Dataset()
    for keyword in _SHAPE:
        if keyword in source:
            bare[keyword] = source[keyword]
    if bare.PhotometricInterpretation == "MONOCHROME1":
        bare.PhotometricInterpretation = "MONOCHROME2"

    bare["PixelData"] = source["PixelData"]
    bare.SOPClassUID = _SECONDARY_CAPTURE
    bare.SOPInstanceUID = _ANY_UID
    bare.Modality = "OT"
    bare.file_meta = FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID
    return bare


def _openjpeg(source: Any) -> Stored:
    """HTJ2K, frame by frame, by OpenJPEG through pydicom."""
    try:
        values = np.asarray(pixel_array(source, raw=True))
    except Exception:  # noqa: BLE001 - decoders raise anything for a broken codestream
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
    padding = b"\0" if len(content) % 2 else b""
    header.PixelData = content + padding
    header["PixelData"].VR = "OB" if allocated == 8 else "OW"

    samples = cells.shape[3]
    if samples > 1:
        header.PlanarConfiguration = 0
        if decoded and str(source.PhotometricInterpretation).startswith("YBR"):
            header.PhotometricInterpretation = "RGB"


def in_source_order(cells: Stored, source: Any) -> Stored:
    """Native cells in the order of the source's pixel data: planes of samples if it has such."""
    samples = cells.shape[3]
    if samples > 1 and _has_sample_planes(source):
        cells = cells.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(cells)


def fill_cell(source: Any, frame: int, fill: float | None = None) -> int:
    """The stored value of real 0 (MR, PT), 2048 for phase, -1000 HU (CT), 0 (colour) for one frame.

    `fill` is another real value. Returned as the unsigned cell. Neither the minimum (pads lie below
    air) nor PixelPaddingValue.
    """
    if int(source.get("SamplesPerPixel") or 1) > 1:
        return 0
    value = _fill_value(source, frame, fill)
    bits = int(source.BitsStored)
    signed = int(source.PixelRepresentation) == 1
    low = 0
    high = (1 << bits) - 1
    if signed:
        low = -(1 << bits - 1)
        high = -low - 1

    limited = min(max(value, low), high)
    cell = limited << lowest_bit(source)
    cell_mask = (1 << int(source.BitsAllocated)) - 1
    return cell & cell_mask


def _fill_value(source: Any, frame: int, fill: float | None) -> int:
    """The value to store, before it is limited to the range of stored values."""
    if fill is None and _is_unscaled_phase(source, frame):
        return _MIDDLE_OF_PHASE
    if fill is None:
        fill = _AIR_HU if source.get("Modality") == "CT" else 0.0
    rescale = _rescale(source, frame)
    return round((fill - rescale.intercept) / rescale.slope)


def _is_unscaled_phase(source: Any, frame: int) -> bool:
    """Whether a frame is phase as 0 to 4095 without a rescale that says where zero is."""
    is_unsigned = int(source.PixelRepresentation) == 0
    if not is_unsigned or int(source.BitsStored) < 12:
        return False
    if _rescale(source, frame) != _IDENTITY:
        return False
    return component(source, frame) == PHASE


@dataclass(frozen=True)
class _Rescale:
    """Real value = slope * stored value + intercept (PS3.3 C.11.1.1.2)."""

    slope: float
    intercept: float


_IDENTITY = _Rescale(1.0, 0.0)


def _rescale(source: Any, frame: int) -> _Rescale:
    groups = FunctionalGroups.of(source)
    item = groups.macro(frame, "PixelValueTransformationSequence")
    if item is not None:
        return _Rescale(
            float(item.RescaleSlope) or 1.0,
            float(item.RescaleIntercept),
        )

    slope = source.get("RescaleSlope")
    if slope in (None, ""):
        slope = 1
    intercept = source.get("RescaleIntercept") or 0
    return _Rescale(float(slope) or 1.0, float(intercept))
