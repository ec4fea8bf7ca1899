"""Stored cells: read exactly, never rescaled, and put back as Explicit VR Little Endian."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import pixel_array

from deidflow.dicom.encoding import NATIVE
from deidflow.dicom.stored_values import Stored, lowest_bit
from deidflow.dicom.structure import EXPLICIT_BIG
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

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

    Native cells are unsigned and hold every allocated bit. `scratch` is a folder for temporary
    files. Raises Withheld without a decoder.
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
    flat = np.frombuffer(
        source.PixelData,
        stored,
        count,
    ).astype(kind)
    if samples > 1 and _has_sample_planes(source):
        return flat.reshape(
            frames,
            samples,
            rows,
            columns,
        ).transpose(
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
    """Decode with GDCM, through a file without anything else that could confuse it."""
    path = scratch / "decode.dcm"
    try:
        _pixel_description(source).save_as(
            path,
            enforce_file_format=True,
        )
        return _read_gdcm(path, shape_of(source))
    except (RuntimeError, ValueError):
        raise Withheld(Reason.NO_DECODER) from None
    finally:
        path.unlink(missing_ok=True)


def _pixel_description(source: Any) -> Dataset:
    """A secondary capture with the pixel data of the source and their description."""
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
    except Exception:  # noqa: BLE001 - a codec may raise anything on a bad file
        raise Withheld(Reason.NO_DECODER) from None
    cells: Stored = np.ascontiguousarray(values.reshape(shape_of(source)))
    return cells


def _read_gdcm(path: Path, shape: tuple[int, int, int, int]) -> Stored:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    values = sitk.GetArrayFromImage(reader.Execute())
    if values.size != np.prod(shape):
        raise ValueError("unexpected number of pixels")
    return np.ascontiguousarray(values.reshape(shape))


@dataclass(frozen=True)
class ColourLayout:
    """How the samples of native pixel data are laid out, as a header says it."""

    has_samples: bool = False
    """Several samples a pixel: they lie side by side."""
    is_rgb: bool = False
    """A decoder has made RGB of another colour space."""

    @classmethod
    def of(cls, cells: Stored, source: Any, *, decoded: bool) -> ColourLayout:
        """The layout of cells that were read from a source."""
        has_samples = cells.shape[3] > 1
        is_luminance = str(source.PhotometricInterpretation).startswith("YBR")
        return cls(has_samples, has_samples and decoded and is_luminance)

    def __call__(self, header: Any) -> None:
        """Say so in a header."""
        if self.has_samples:
            header.PlanarConfiguration = 0
        if self.is_rgb:
            header.PhotometricInterpretation = "RGB"


def put_pixels(header: Any, cells: Stored, source: Any, *, decoded: bool) -> None:
    """Give a header the cells as native pixel data; unedited bytes are those of the source."""
    allocated = int(source.BitsAllocated)
    header.PixelData = native_bytes(cells, allocated)
    header["PixelData"].VR = vr_of(allocated)
    layout = ColourLayout.of(cells, source, decoded=decoded)
    layout(header)


def native_bytes(cells: Stored, allocated: int) -> bytes:
    """Cells as native pixel data in Little Endian, of even length."""
    kind = np.dtype(_CELLS[allocated]).newbyteorder("<")
    content = np.ascontiguousarray(cells).astype(kind, casting="unsafe").tobytes()
    padding = b"\0" if len(content) % 2 else b""
    return content + padding


def vr_of(allocated: int) -> str:
    """The VR of native pixel data in Explicit VR (PS3.5 section A.2)."""
    return "OB" if allocated == 8 else "OW"


def in_source_order(cells: Stored, source: Any) -> Stored:
    """Native cells in the order of the source's pixel data: planes of samples if it has such."""
    samples = cells.shape[3]
    if samples > 1 and _has_sample_planes(source):
        cells = cells.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(cells)
