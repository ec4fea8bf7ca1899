"""The forms of pixel data in which text is drawn."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

Cells = NDArray[Any]


def data_set(cells: Cells, photometric: str, stored: int, *, signed: bool = False) -> Dataset:
    """A data set with cells of shape (frames, rows, columns, samples)."""
    source = Dataset()
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    source.NumberOfFrames, source.Rows, source.Columns, source.SamplesPerPixel = cells.shape
    source.PhotometricInterpretation = photometric
    source.BitsAllocated = 8 * cells.dtype.itemsize
    source.BitsStored = stored
    source.HighBit = stored - 1
    source.PixelRepresentation = int(signed)
    if cells.shape[3] > 1:
        source.PlanarConfiguration = 0
    source.Modality = "OT"
    source.PixelData = cells.tobytes()
    source["PixelData"].VR = "OW"
    return source


def grey_8(grey: Cells) -> Dataset:
    """MONOCHROME2, 8 bits."""
    return data_set(grey[None, ..., None], "MONOCHROME2", 8)


def inverted_12(grey: Cells) -> Dataset:
    """MONOCHROME1, 12 bits."""
    cells = grey.astype("<u2") * 16
    return data_set(cells[None, ..., None], "MONOCHROME1", 12)


def signed_16(grey: Cells) -> Dataset:
    """MONOCHROME2, 16 bits, signed."""
    cells = (grey.astype("<i4") * 250 - 30_000).astype("<i2")
    return data_set(cells[None, ..., None], "MONOCHROME2", 16, signed=True)


def with_hot_pixels(grey: Cells) -> Dataset:
    """16 bits of which a few pixels use the upper ones: the text is one grey in the full range."""
    cells = grey.astype("<u2") + 1
    cells[:: max(1, grey.shape[0] // 3), 0] = 60_000
    noise = np.random.default_rng(0).integers(0, 3, cells.shape)
    return data_set((cells + noise).astype("<u2")[None, ..., None], "MONOCHROME2", 16)


def red_green_blue(grey: Cells) -> Dataset:
    """RGB, the text in one colour on another."""
    cells = np.stack([grey, 255 - grey, np.full_like(grey, 90)], axis=-1)
    return data_set(cells[None], "RGB", 8)


def palette(grey: Cells) -> Dataset:
    """PALETTE COLOR, whose indices say nothing of the colours."""
    order = np.random.default_rng(0).permutation(256)
    source = data_set(np.argsort(order)[grey].astype("u1")[None, ..., None], "PALETTE COLOR", 8)
    for colour in ("Red", "Green", "Blue"):
        setattr(source, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        table = (order.astype("<u2") * 257).tobytes()
        setattr(source, f"{colour}PaletteColorLookupTableData", table)
    return source


def one_of_many(grey: Cells) -> Dataset:
    """40 frames of noise around the ground, the text on one of them."""
    small = _around_text(grey, 384)
    ground = int(np.median(small))
    noise = np.random.default_rng(0).normal(ground, 4, (40, *small.shape))
    frames = np.clip(noise, 0, 255).astype("u1")
    frames[23] = np.where(small == ground, frames[23], small)
    return data_set(frames[..., None], "MONOCHROME2", 8)


def jpeg(grey: Cells) -> Dataset:
    """JPEG with loss, of a quality as ultrasound devices have it."""
    return _compressed(grey, "1.2.840.10008.1.2.4.50", "JPEG", quality=85)


def jpeg_2000(grey: Cells) -> Dataset:
    """JPEG 2000 without loss."""
    return _compressed(grey, "1.2.840.10008.1.2.4.90", "JPEG2000", no_jp2=True)


def _compressed(grey: Cells, syntax: str, form: str, **options: Any) -> Dataset:
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, form, **options)
    source = data_set(grey[None, ..., None], "MONOCHROME2", 8)
    source.file_meta.TransferSyntaxUID = syntax
    source.PixelData = encapsulate([stream.getvalue()])
    source["PixelData"].VR = "OB"
    source["PixelData"].is_undefined_length = True
    return source


def _around_text(grey: Cells, side: int) -> Cells:
    """A part of an image of at most this size, with its text; edges of the image stay edges."""
    rows, columns = np.nonzero(grey != np.median(grey))
    top = _first(int(rows.min()), int(rows.max()), grey.shape[0], side)
    left = _first(int(columns.min()), int(columns.max()), grey.shape[1], side)
    return grey[top : top + side, left : left + side]


def _first(first: int, last: int, length: int, side: int) -> int:
    centred = (first + last - side) // 2
    return max(0, min(centred, length - side))
