"""Planes of classic, enhanced and mosaic images; stored values of native pixel data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.dicom.geometry import planes
from deidflow.dicom.image_attributes import IMAGE_ATTRIBUTES
from deidflow.dicom.partial import AttributeReader
from deidflow.dicom.pixels import put_pixels, read_pixels
from deidflow.dicom.stored_values import fill_cell
from deidflow.errors import Withheld
from deidflow.verdicts import Reason
from tests.places import REAL_DATA
from tests.synthetic import mr_instance, save


def test_a_classic_slice() -> None:
    header = mr_instance(
        ImagePositionPatient=["1", "2", "3"],
        ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"],
    )
    (plane,) = planes(header)
    assert plane.origin.tolist() == [1, 2, 3]
    assert plane.normal.tolist() == [-1, 0, 0]
    assert plane.height == -1


def enhanced(frames: int) -> Dataset:
    header = mr_instance(
        NumberOfFrames=frames,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        PixelSpacing=None,
    )
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    measures.PixelSpacing = ["2", "3"]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = (
        Sequence([orientation]),
        Sequence([measures]),
    )
    header.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for frame in range(frames):
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = ["0", "0", str(5 * frame)]
        group.PlanePositionSequence = Sequence([position])
        groups.append(group)
    header.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return header


def test_enhanced_frames_are_located_by_functional_groups() -> None:
    found = planes(enhanced(3))
    assert [plane.height for plane in found] == [0, 5, 10]
    assert (found[0].row_spacing, found[0].column_spacing) == (2, 3)


def test_a_frame_without_position_is_withheld() -> None:
    header = enhanced(2)
    del header.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence
    with pytest.raises(Withheld) as caught:
        planes(header)
    assert caught.value.reason is Reason.NO_GEOMETRY


@pytest.mark.parametrize(
    "changes",
    [
        {"ImageOrientationPatient": ["1", "0", "0", "0.17", "1", "0"]},
        {"ImageOrientationPatient": ["0.9", "0", "0", "0", "0.9", "0"]},
        {"ImageOrientationPatient": ["0", "0", "0", "0", "0", "0"]},
        {"PixelSpacing": ["0", "1"]},
    ],
)
def test_a_plane_that_is_not_square_is_withheld(changes: dict[str, list[str]]) -> None:
    with pytest.raises(Withheld) as caught:
        planes(mr_instance(**changes))
    assert caught.value.reason is Reason.NO_GEOMETRY


def test_mosaic_tiles_lie_where_the_single_slices_were() -> None:
    header = mr_instance(
        ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"],
        SpacingBetweenSlices="4",
        ImagePositionPatient=["-4", "-4", "0"],
    )
    header.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 3)
    found = planes(header)
    assert [(plane.top, plane.left) for plane in found] == [(0, 0), (0, 4), (4, 0)]
    assert [plane.origin.tolist() for plane in found] == [[-2, -2, 0], [-2, -2, 4], [-2, -2, 8]]


def test_a_mosaic_whose_tiles_cannot_be_counted_is_withheld() -> None:
    with pytest.raises(Withheld) as caught:
        planes(mr_instance(ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"]))
    assert caught.value.reason is Reason.MOSAIC_TILES


def test_native_pixels_come_back_bit_for_bit(tmp_path: Path) -> None:
    source = pydicom.dcmread(
        save(mr_instance(PixelData=np.arange(64, dtype="<u2").tobytes()[::-1]), tmp_path / "x")
    )
    pixels = read_pixels(source, tmp_path)
    target = mr_instance()
    put_pixels(target, pixels.cells, source, decoded=False)
    assert target.PixelData == source.PixelData


@pytest.mark.parametrize(
    ("changes", "cell"),
    [
        ({}, 0),
        ({"RescaleSlope": "2", "RescaleIntercept": "-4096"}, 2048),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P"]}, 2048),
        ({"Modality": "CT", "RescaleSlope": "1", "RescaleIntercept": "-1024"}, 24),
        (
            {
                "Modality": "CT",
                "RescaleSlope": "1",
                "RescaleIntercept": "0",
                "PixelRepresentation": 1,
                "BitsStored": 16,
                "HighBit": 15,
            },
            64536,
        ),
        ({"SamplesPerPixel": 3}, 0),
    ],
)
def test_the_fill_is_what_stands_for_nothing(changes: dict[str, object], cell: int) -> None:
    assert fill_cell(mr_instance(**changes), 0) == cell


@pytest.mark.realdata
def test_one_slice_in_nine_transfer_syntaxes_gives_the_same_values(tmp_path: Path) -> None:
    """Decoded exactly, and exchanged pixels come back from the files for dcm2niix."""
    from deidflow.steps.tool_files import save_for_tool

    digests = set()
    for path in sorted((REAL_DATA / "syntaxes_same_slice").glob("*.dcm")):
        content = path.read_bytes()
        image = AttributeReader(IMAGE_ATTRIBUTES).read(content, pixels=True)
        pixels = read_pixels(image.attributes, tmp_path)
        digests.add(pixels.cells.astype("<u2").tobytes())
        for changed in (pixels.cells + 1, np.ones_like(pixels.cells)):
            save_for_tool(content, image, changed, pixels.decoded, tmp_path / "again")
            again = read_pixels(pydicom.dcmread(tmp_path / "again"), tmp_path)
            assert np.array_equal(again.cells, changed), path.name
    assert len(digests) == 1
