"""Stored values of two files compared; nothing here knows how they were written."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.uid import HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL, SecondaryCaptureImageStorage

_HIGH_THROUGHPUT = (HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL)
_CELLS = {8: "u1", 16: "u2", 32: "u4"}
Values = NDArray[Any]
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Cells:
    """Where native stored values are in a file of Little Endian, and which of their bits count."""

    start: int
    end: int
    shape: tuple[int, int, int, int]
    """Frames, rows, columns, samples."""
    planar: bool
    allocated: int
    stored: int
    lowest: int

    @property
    def bits(self) -> tuple[object, ...]:
        """What two files must share for their bytes to be comparable."""
        return self.shape, self.planar, self.allocated, self.stored, self.lowest

    @property
    def padding(self) -> int:
        """How many bytes are behind the last stored value."""
        bits = self.allocated * int(np.prod(self.shape))
        return self.end - self.start - (bits + 7) // 8

    def values(self, content: bytes) -> Values:
        """Stored values, shape (frames, rows, columns, samples)."""
        kind = np.dtype(f"<{_CELLS[self.allocated]}")
        flat = np.frombuffer(content, kind, int(np.prod(self.shape)), self.start)
        return _used_bits(_in_shape(flat, self.shape, self.planar), self.stored, self.lowest)


def differ(
    before: bytes,
    after: bytes,
    cells: tuple[Cells | None, Cells | None],
    removed: Mask | None,
    scratch: Path,
) -> bool:
    """Whether two files differ in stored values where nothing was removed, or show anything where it was.

    `before`, `after` are whole files, `cells` where their native pixels are; `removed` is the packed
    mask, shape (frames, rows, columns), or None. Only the bits of BitsStored count.
    """
    source, released = cells
    comparable = source is not None and released is not None and source.bits == released.bits
    if comparable and removed is None and _same_bytes(before, after, source, released):
        return False
    values = _values(before, source, scratch)
    others = _values(after, released, scratch)
    if values.shape != others.shape:
        return True
    if removed is None:
        return not np.array_equal(values, others)
    mask = _unpacked(removed, values.shape[:3])
    changed = (values != others).any(-1)
    return bool((changed & ~mask).any()) or not _is_blank(others, mask)


def _same_bytes(before: bytes, after: bytes, source: Cells | None, released: Cells | None) -> bool:
    assert source is not None and released is not None
    views = (
        memoryview(before)[source.start : source.end],
        memoryview(after)[released.start : released.end],
    )
    return views[0] == views[1]


def _values(content: bytes, cells: Cells | None, scratch: Path) -> Values:
    if cells is not None and cells.allocated in _CELLS:
        return cells.values(content)
    return _decoded_values(pydicom.dcmread(io.BytesIO(content)), scratch)


def _unpacked(packed: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    count = int(np.prod(shape))
    return np.unpackbits(packed, count=count).reshape(shape).astype(bool)


def _is_blank(values: Values, mask: NDArray[np.bool_]) -> bool:
    """Whether all removed pixels of each frame hold one value, so that nothing can be seen in them."""
    for frame, removed in zip(values, mask, strict=True):
        cells = frame[removed]
        if (cells != cells[:1]).any():
            return False
    return True


def _decoded_values(dataset: Any, scratch: Path) -> Values:
    """Stored values with only BitsStored of each, shape (frames, rows, columns, samples)."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    shape = frames, int(dataset.Rows), int(dataset.Columns), samples
    stored = int(dataset.BitsStored)
    lowest = int(dataset.get("HighBit", stored - 1)) - stored + 1
    return _used_bits(_decoded(dataset, shape, scratch), stored, lowest)


def _in_shape(flat: Values, shape: tuple[int, ...], planar: bool) -> Values:
    if shape[3] > 1 and planar:
        planes = flat.reshape(shape[0], shape[3], *shape[1:3])
        return planes.transpose(0, 2, 3, 1)
    return flat.reshape(shape)


def _decoded(dataset: Any, shape: tuple[int, ...], scratch: Path) -> Values:
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in _HIGH_THROUGHPUT:
        decoded: Values = pixel_array(dataset, raw=True)
        return decoded.reshape(shape)
    if syntax.is_compressed and not syntax.is_deflated:
        return _decompressed(dataset, shape, scratch)
    order = "<" if syntax.is_little_endian else ">"
    kind = order + _CELLS[int(dataset.BitsAllocated)]
    flat = np.frombuffer(dataset.PixelData, kind, int(np.prod(shape)))
    return _in_shape(flat, shape, int(dataset.get("PlanarConfiguration") or 0) == 1)


def _decompressed(dataset: Any, shape: tuple[int, ...], scratch: Path) -> Values:
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
        image = sitk.ReadImage(file.name)
    values: Values = sitk.GetArrayFromImage(image).reshape(shape)
    return values


def _used_bits(values: Values, stored: int, lowest: int) -> Values:
    """The bits of BitsStored below HighBit, unsigned, in the width of the values."""
    width = values.dtype.itemsize
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    unsigned = np.ascontiguousarray(native).view(f"u{width}")
    if stored == 8 * width and lowest == 0:
        return unsigned
    bits = unsigned.dtype.type((1 << stored) - 1)
    used: Values = (unsigned >> unsigned.dtype.type(lowest)) & bits
    return used
