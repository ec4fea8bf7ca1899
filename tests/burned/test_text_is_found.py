"""Text in pixels of every form is read, and images without text say nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from deidflow.burned.rectangles import Rectangle
from deidflow.burned.series import Manner, SeriesText, frames_of, read_series
from deidflow.burned.wording import VOLUME, Meaning, meaning_of
from deidflow.header.text import Scrubber
from tests.synthetic import as_file, mr_instance

pytest.importorskip("rapidocr_onnxruntime")
TEXT = "MILLER^ANNA 4711"


def page(dark: int = 0, bright: int = 255, size: tuple[int, int] = (160, 240)) -> NDArray[np.uint8]:
    """A line with capitals of 10 pixels on plain ground."""
    image = Image.new("L", size[::-1], dark)
    font = ImageFont.load_default(size=14)
    ImageDraw.Draw(image).text((size[1] - 200, size[0] - 60), TEXT, fill=bright, font=font)
    return np.array(image)


def at_the_edge() -> NDArray[np.uint8]:
    """The line touches the last row of the image."""
    drawn = page()
    rows = drawn.any(1).nonzero()[0]
    return drawn[: rows[-1] + 1]


def source(cells: NDArray[Any], photometric: str = "MONOCHROME2", **changes: Any) -> Dataset:
    """An instance with cells of shape (frames, rows, columns, samples)."""
    frames, rows, columns, samples = cells.shape
    bits = 8 * cells.dtype.itemsize
    header = mr_instance(
        NumberOfFrames=frames, Rows=rows, Columns=columns, SamplesPerPixel=samples, BitsAllocated=bits, BitsStored=bits,
        HighBit=bits - 1, PhotometricInterpretation=photometric, PixelData=cells.tobytes(), PlanarConfiguration=0, **changes,
    )  # fmt: skip
    return pydicom.dcmread(io.BytesIO(as_file(header)))


def text_in(
    header: Dataset, tmp_path: Path, *blank: Rectangle, manner: Manner = Manner.EACH
) -> SeriesText:
    frames = frames_of(header, blank, 0, tmp_path)
    return read_series(frames, int(header.NumberOfFrames), manner)


def shows_text(text: SeriesText) -> bool:
    return any("MILLER" in line.text for line in text.lines)


def in_colours(grey: NDArray[np.uint8]) -> Dataset:
    """Text in one colour on another that is as bright."""
    colours = np.stack([grey, 255 - grey, np.full_like(grey, 90)], axis=-1)
    return source(colours[None], "RGB")


def in_palette(grey: NDArray[np.uint8]) -> Dataset:
    """Indices that are no brightness."""
    table = np.roll(np.arange(256), 100)
    header = source(np.argsort(table)[grey].astype("u1")[None, ..., None], "PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(header, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(
            header, f"{colour}PaletteColorLookupTableData", (table.astype("<u2") * 257).tobytes()
        )
    return header


def among_frames(grey: NDArray[np.uint8]) -> Dataset:
    """One frame of thirty shows the text, over noise."""
    noise = np.random.default_rng(1).normal(60, 8, (30, *grey.shape)).astype("u1")
    noise[17] = np.where(grey > 0, grey, noise[17])
    return source(noise[..., None])


def in_many_bits(grey: NDArray[np.uint8]) -> Dataset:
    """A bright pixel makes the text one grey in the full range."""
    cells = grey.astype("<u2") + np.random.default_rng(1).integers(0, 4, grey.shape).astype("<u2")
    cells[0, 0] = 65_535
    return source(cells[None, ..., None])


@pytest.mark.parametrize(
    "header",
    [
        source(page(90, 170)[None, ..., None]),
        source(page(170, 90)[None, ..., None], "MONOCHROME1"),
        source((page().astype("<i2") - 100)[None, ..., None], PixelRepresentation=1),
        source(page(size=(800, 1300))[None, ..., None]),
        source(at_the_edge()[None, ..., None]),
        source(np.rot90(page())[None, ..., None]),
        source(np.rot90(page(), 2)[None, ..., None]),
        in_colours(page()),
        in_palette(page()),
        among_frames(page()),
        in_many_bits(page()),
    ],
    ids=[
        "faint",
        "inverted",
        "signed",
        "corner of a large image",
        "at the edge",
        "turned",
        "upside down",
        "colours",
        "palette",
        "one frame",
        "bits",
    ],
)
def test_text_is_read_in_every_form_of_pixels(header: Dataset, tmp_path: Path) -> None:
    assert shows_text(text_in(header, tmp_path))


def test_what_is_blanked_is_not_read(tmp_path: Path) -> None:
    header = source(page()[None, ..., None])
    text = text_in(header, tmp_path, Rectangle(95, 30, 30, 200))
    assert (text.lines, text.is_page) == ((), True)


def test_text_on_one_slice_stands_out_in_a_volume(tmp_path: Path) -> None:
    text = text_in(among_frames(page()), tmp_path, manner=Manner.PROJECTION)
    assert shows_text(text) and text.images == 1


def test_a_page_is_text_on_plain_ground_and_a_shaded_ball_is_a_picture(tmp_path: Path) -> None:
    plain = page()
    assert text_in(source(plain[None, ..., None]), tmp_path).is_page
    rows, columns = np.mgrid[-1:1:60j, -1:1:60j]
    ball = np.sqrt(np.clip(1 - rows**2 - columns**2, 0, 1))
    plain[10:70, 150:210] = 250 * ball
    assert not text_in(source(plain[None, ..., None]), tmp_path).is_page


def test_noise_and_shapes_say_nothing(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).gamma(2, 40, (20, 128, 128))
    noise[:, 40:90, 40:90] += 300
    header = source(noise.astype("<u2")[..., None])
    text = text_in(header, tmp_path, manner=Manner.PROJECTION)
    meanings = {meaning_of(line, Scrubber.of([]), VOLUME) for line in text.lines}
    assert meanings <= {Meaning.HARMLESS}
