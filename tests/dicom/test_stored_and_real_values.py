"""Stored cells, the values that they stand for, and how they come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from deidflow.dicom.pixels import in_source_order, put_pixels, read_pixels, shape_of
from deidflow.dicom.spare_bits import SpareBits
from deidflow.dicom.stored_values import fill_cell, lowest_bit, real_values, stored_values
from deidflow.errors import Withheld
from deidflow.verdicts import Reason
from tests.synthetic import as_file, mr_instance, save

RGB = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "BitsAllocated": 8}
RGB = RGB | {"BitsStored": 8, "HighBit": 7, "Rows": 2, "Columns": 2}
COLOURS = np.arange(12, dtype="u1").reshape(1, 2, 2, 3)


def opened(header: Dataset, folder: Path) -> Dataset:
    return pydicom.dcmread(save(header, folder / "x"))


def colour(folder: Path, planar: int) -> Dataset:
    """A colour image whose samples are 0 to 11 in the order of pixels."""
    cells = COLOURS.transpose(0, 3, 1, 2) if planar else COLOURS
    header = mr_instance(**RGB, PlanarConfiguration=planar, PixelData=cells.tobytes())
    header["PixelData"].VR = "OB"
    return opened(header, folder)


@pytest.mark.parametrize("planar", [0, 1])
def test_colour_by_pixel_and_by_plane_is_the_same(tmp_path: Path, planar: int) -> None:
    source = colour(tmp_path, planar)
    pixels = read_pixels(source, tmp_path)

    assert np.array_equal(pixels.cells, COLOURS)
    assert in_source_order(pixels.cells, source).tobytes() == source.PixelData


def test_colour_is_written_by_pixel(tmp_path: Path) -> None:
    source = colour(tmp_path, 1)
    target = mr_instance()
    put_pixels(target, read_pixels(source, tmp_path).cells, source, decoded=False)

    assert target.PlanarConfiguration == 0
    assert target.PixelData == COLOURS.tobytes()
    assert target["PixelData"].VR == "OB"


def test_decoded_ybr_has_become_rgb(tmp_path: Path) -> None:
    source = colour(tmp_path, 0)
    source.PhotometricInterpretation = "YBR_FULL"
    target = mr_instance(PhotometricInterpretation="YBR_FULL")
    put_pixels(target, COLOURS, source, decoded=True)

    assert target.PhotometricInterpretation == "RGB"


def test_an_odd_number_of_bytes_is_padded() -> None:
    source = mr_instance(BitsAllocated=8, BitsStored=8, HighBit=7)
    target = mr_instance()
    put_pixels(target, np.ones((1, 1, 3, 1), "u1"), source, decoded=False)

    assert target.PixelData == b"\1\1\1\0"


def test_the_mean_of_a_colour_is_its_real_value(tmp_path: Path) -> None:
    source = colour(tmp_path, 0)
    real = real_values(COLOURS[0], source, 0)

    assert real.tolist() == [[1, 4], [7, 10]]


def test_big_endian_cells_have_the_same_values(tmp_path: Path) -> None:
    values = (np.arange(64) * 3).astype(">u2")
    header = mr_instance(PixelData=values.tobytes())
    source = opened(header, tmp_path)
    source.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.2"

    assert np.array_equal(read_pixels(source, tmp_path).cells.ravel(), values)


@pytest.mark.parametrize("changes", [{"BitsAllocated": 12}, {"BitsAllocated": 1}])
def test_cells_of_odd_size_are_withheld(tmp_path: Path, changes: dict[str, int]) -> None:
    source = opened(mr_instance(), tmp_path)
    for keyword, value in changes.items():
        setattr(source, keyword, value)

    with pytest.raises(Withheld) as caught:
        read_pixels(source, tmp_path)
    assert caught.value.reason is Reason.NO_DECODER


def test_subsampled_colour_is_withheld(tmp_path: Path) -> None:
    source = opened(mr_instance(PhotometricInterpretation="YBR_FULL_422"), tmp_path)

    with pytest.raises(Withheld):
        read_pixels(source, tmp_path)


def test_a_broken_codestream_is_withheld_and_leaves_no_file(tmp_path: Path) -> None:
    header = mr_instance(PixelData=encapsulate([b"\xff\xd8\xff\xd9"]))
    header["PixelData"].VR = "OB"
    source = opened(header, tmp_path)
    source.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.70"
    source["PixelData"].is_undefined_length = True
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    with pytest.raises(Withheld) as caught:
        read_pixels(source, scratch)
    assert caught.value.reason is Reason.NO_DECODER
    assert not list(scratch.iterdir())


def test_frames_rows_columns_and_samples() -> None:
    assert shape_of(mr_instance()) == (1, 8, 8, 1)
    assert shape_of(mr_instance(NumberOfFrames=5, SamplesPerPixel=3)) == (5, 8, 8, 3)


# stored values


def test_signed_values_keep_their_sign() -> None:
    source = mr_instance(PixelRepresentation=1)
    cells = np.array([0, 1, 0x7FF, 0x800, 0xFFF], "u2")

    assert stored_values(cells, source).tolist() == [0, 1, 2047, -2048, -1]


@pytest.mark.parametrize(("high", "lowest"), [(11, 0), (15, 4), (13, 2)])
def test_where_a_value_begins(high: int, lowest: int) -> None:
    assert lowest_bit(mr_instance(HighBit=high)) == lowest


@pytest.mark.parametrize("high", [10, 16, 200])
def test_a_high_bit_outside_the_cell_is_withheld(high: int) -> None:
    with pytest.raises(Withheld):
        lowest_bit(mr_instance(HighBit=high))


def test_inverted_grey_is_turned_but_not_hounsfield() -> None:
    cells = np.array([[[0], [10]]], "u2")
    inverted = {"PhotometricInterpretation": "MONOCHROME1"}

    assert real_values(cells, mr_instance(**inverted), 0).tolist() == [[10, 0]]
    assert real_values(cells, mr_instance(**inverted, Modality="CT"), 0).tolist() == [[0, 10]]


def test_a_slope_of_zero_counts_as_one() -> None:
    source = mr_instance(RescaleSlope="0", RescaleIntercept="5")

    assert real_values(np.array([[[7]]], "u2"), source, 0).tolist() == [[12]]


@pytest.mark.parametrize(
    ("changes", "fill", "cell"),
    [
        ({}, 12.4, 12),
        ({}, -5.0, 0),
        ({}, 1e6, 4095),
        ({"PixelRepresentation": 1}, -1.0, 0xFFFF),
        ({"PixelRepresentation": 1}, -1e6, 0xF800),
        ({"PixelRepresentation": 1}, 1e6, 2047),
        ({"HighBit": 15}, 3.0, 48),
        ({"Modality": "CT", "RescaleIntercept": "-1024", "RescaleSlope": "1"}, 0.0, 1024),
    ],
)
def test_another_fill_is_limited_to_what_can_be_stored(
    changes: dict[str, object], fill: float, cell: int
) -> None:
    assert fill_cell(mr_instance(**changes), 0, fill) == cell


def test_phase_with_few_bits_or_a_sign_has_its_zero_at_zero() -> None:
    phase = {"ImageType": ["ORIGINAL", "PRIMARY", "P"]}

    assert fill_cell(mr_instance(**phase), 0) == 2048
    assert fill_cell(mr_instance(**phase, BitsStored=10, HighBit=9), 0) == 0
    assert fill_cell(mr_instance(**phase, PixelRepresentation=1), 0) == 0


# spare bits


def raws(
    allocated: int = 16, stored: int = 12, high: int = 11, signed: int = 0
) -> dict[int, bytes]:
    values = (allocated, stored, high, signed)
    return {0x00280100 + number: value.to_bytes(2, "little") for number, value in enumerate(values)}


@pytest.mark.parametrize(
    "values",
    [
        raws(stored=16, high=15),
        raws(stored=0),
        raws(allocated=12, stored=8, high=7),
        raws(high=16),
        raws(high=10),
        {},
        {0x00280100: b"\x10"},
    ],
    ids=["none", "no value", "odd cell", "high above", "high below", "nothing", "one byte"],
)
def test_headers_without_spare_bits(values: dict[int, bytes]) -> None:
    assert SpareBits.of(values) is None


def test_a_missing_high_bit_is_the_usual_one() -> None:
    values = raws()
    del values[0x00280102]

    assert SpareBits.of(values) == SpareBits("<u2", 12, 0, False)


@pytest.mark.parametrize(
    ("values", "cells", "used"),
    [
        (raws(), [0, 0xFFF], False),
        (raws(), [0, 0x1000], True),
        (raws(high=15), [0xFFF0], False),
        (raws(high=15), [0xFFF1], True),
        (raws(signed=1), [0xFFFF, 0x07FF], False),
        (raws(signed=1), [0x8FFF], True),
        (raws(signed=1, high=13), [0xFFFC], False),
        (raws(signed=1, high=13), [0xFFFD], True),
        (raws(signed=1), [], False),
    ],
)
def test_bits_beside_the_value(values: dict[int, bytes], cells: list[int], used: bool) -> None:
    spare = SpareBits.of(values)

    assert spare is not None
    assert spare.are_used(np.array(cells, "<u2").tobytes()) is used


def test_bytes_that_do_not_fill_a_cell_do_not_matter() -> None:
    spare = SpareBits.of(raws())

    assert spare is not None
    assert not spare.are_used(b"\xff\x0f\xff")


# deflated files


def test_a_deflated_file_is_written_plain(tmp_path: Path) -> None:
    from deidflow.dicom.structure import DEFLATED
    from deidflow.dicom.write import can_be_read, is_deflated, write_inflated

    (tmp_path / "deflated").write_bytes(as_file(mr_instance(), DEFLATED))
    write_inflated(tmp_path / "deflated", tmp_path / "plain")
    plain = pydicom.dcmread(tmp_path / "plain")

    assert is_deflated(tmp_path / "deflated")
    assert not is_deflated(tmp_path / "plain")
    assert plain.PixelData == mr_instance().PixelData
    assert can_be_read(plain, "PatientName")


def test_elements_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    from deidflow.dicom.write import write_readable

    content = as_file(mr_instance(SeriesNumber=7))
    broken = content.replace(b"\x20\0\x11\0IS\2\0007 ", b"\x20\0\x11\0FD\2\0007 ")
    assert broken != content
    (tmp_path / "broken").write_bytes(broken)
    write_readable(pydicom.dcmread(tmp_path / "broken"), tmp_path / "readable")
    readable = pydicom.dcmread(tmp_path / "readable")

    assert "SeriesNumber" not in readable
    assert readable.PatientID == "PID-77120"
