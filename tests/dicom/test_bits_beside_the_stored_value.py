"""What lies in a cell beside its stored value is cleared; the stored value itself never changes."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from deidflow.dicom.component import component
from deidflow.dicom.pixels import read_pixels
from deidflow.dicom.stored_values import cells_of as real_cells
from deidflow.dicom.stored_values import (
    fill_cell,
    is_grey,
    real_values,
    stored_values,
    without_overlay_bits,
)
from deidflow.errors import Withheld
from tests.synthetic import mr_instance, save

VALUES = (np.arange(64) * 37 % 4096).astype("<u2")


def cells_of(
    tmp_path: Path, values: np.ndarray, **changes: object
) -> tuple[np.ndarray, pydicom.Dataset]:
    source = pydicom.dcmread(
        save(mr_instance(PixelData=values.astype("<u2").tobytes(), **changes), tmp_path / "x")
    )
    return read_pixels(source, tmp_path).cells, source


def test_an_overlay_above_the_value_is_cleared(tmp_path: Path) -> None:
    cells, source = cells_of(tmp_path, VALUES | 0x8000)
    assert np.array_equal(without_overlay_bits(cells, source).ravel(), VALUES)


def test_clean_cells_are_not_touched(tmp_path: Path) -> None:
    cells, source = cells_of(tmp_path, VALUES)
    assert without_overlay_bits(cells, source) is cells


def test_a_sign_that_goes_on_is_no_overlay(tmp_path: Path) -> None:
    signed = (VALUES.astype(int) - 2048).astype("<i2")
    cells, source = cells_of(tmp_path, signed.view("<u2"), PixelRepresentation=1)
    assert without_overlay_bits(cells, source) is cells
    assert np.array_equal(stored_values(cells, source).ravel(), signed)
    drawn = signed.view("<u2").copy()
    drawn[5] ^= 0x4000
    cells, source = cells_of(tmp_path, drawn, PixelRepresentation=1)
    assert np.array_equal(without_overlay_bits(cells, source).ravel(), signed.view("<u2"))


def test_a_value_in_the_highest_bits_with_an_overlay_below(tmp_path: Path) -> None:
    cells, source = cells_of(tmp_path, VALUES << 4 | 1, HighBit=15)
    assert np.array_equal(stored_values(cells, source).ravel(), VALUES)
    assert np.array_equal(without_overlay_bits(cells, source).ravel(), VALUES << 4)
    source.Modality, source.RescaleIntercept, source.RescaleSlope = "CT", "-1024", "1"
    assert fill_cell(source, 0) == 24 << 4


def test_a_high_bit_that_contradicts_the_pixels_is_withheld(tmp_path: Path) -> None:
    cells, source = cells_of(tmp_path, VALUES, HighBit=15)
    with pytest.raises(Withheld):
        without_overlay_bits(cells, source)


def test_real_values_are_hounsfield_units(tmp_path: Path) -> None:
    cells, source = cells_of(tmp_path, VALUES, RescaleSlope="2", RescaleIntercept="-1000")
    assert np.array_equal(real_values(cells[0], source, 0).ravel(), VALUES * 2.0 - 1000)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ORIGINAL", "PRIMARY", "M", "ND"], "M"),
        (["ORIGINAL", "PRIMARY", "P", "ND"], "P"),
        (["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "SE"], "P"),
        (["ORIGINAL", "PRIMARY", "R", "FFE"], "R"),
        (["ORIGINAL", "PRIMARY", "OTHER"], "M"),
    ],
)
def test_the_component_comes_from_the_image_type(words: list[str], found: str) -> None:
    assert component(mr_instance(ImageType=words)) == found


def test_ge_says_the_component_in_a_number() -> None:
    header = mr_instance(
        ImageType=["ORIGINAL", "PRIMARY", "OTHER"], Manufacturer="GE MEDICAL SYSTEMS"
    )
    header.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", 1)
    assert component(header) == "P"


HIGH_THROUGHPUT = (
    "/0//UQApQAAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJCQ"
    "kJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAFkAAf+TwAAmDfoFB3QAAADAABLAABMAUAGHdACM+gMHdADAABNAABOAJNIBAnQA"
    "MpXpAKNUAMAAKiAAFWAIgiCqcIJ1AE46ceLkwEIB7LYA/9k="
)
"""VALUES as a reversible HTJ2K codestream (ISO/IEC 15444-15), made by OpenJPH."""


def test_high_throughput_jpeg_2000_is_decoded_exactly(tmp_path: Path) -> None:
    header = mr_instance(PixelData=encapsulate([base64.b64decode(HIGH_THROUGHPUT)]))
    header["PixelData"].VR = "OB"
    source = pydicom.dcmread(save(header, tmp_path / "x"))
    source.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.201"
    source["PixelData"].is_undefined_length = True
    pixels = read_pixels(source, tmp_path)
    assert (pixels.decoded, pixels.lossy) == (True, False)
    assert np.array_equal(pixels.cells.ravel(), VALUES)


def test_real_values_become_cells_within_the_stored_range_and_are_no_padding(
    tmp_path: Path,
) -> None:
    _, source = cells_of(tmp_path, VALUES, PixelRepresentation=1)
    source.Modality, source.RescaleIntercept, source.RescaleSlope = "CT", "-1000", "2"
    source.PixelPaddingValue = 10
    real = np.array([-1000.0, -980.0, -979.1, 1e9, -1e9], np.float32)
    stored = real_cells(real, source, 0).astype("<u2").view("<i2")
    assert stored.tolist() == [0, 11, 11, 2047, -2048]


def test_phase_colour_and_inverted_greys_are_filled_with_one_value(tmp_path: Path) -> None:
    _, source = cells_of(tmp_path, VALUES)
    assert is_grey(source, 0)
    source.ImageType = ["ORIGINAL", "PRIMARY", "P"]
    assert not is_grey(source, 0)
    source.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    source.PhotometricInterpretation = "MONOCHROME1"
    assert not is_grey(source, 0)
    source.PhotometricInterpretation, source.SamplesPerPixel = "RGB", 3
    assert not is_grey(source, 0)
