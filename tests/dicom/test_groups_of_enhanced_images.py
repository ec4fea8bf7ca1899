"""Attributes of a frame come from its own functional group, else from the shared one."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.dicom.component import component, from_words
from deidflow.dicom.functional_groups import PER_FRAME_TAG, FunctionalGroups
from deidflow.dicom.geometry import is_mosaic, planes
from deidflow.dicom.policy import is_projection
from deidflow.dicom.stored_values import fill_cell
from deidflow.errors import Withheld
from deidflow.verdicts import Reason
from tests.synthetic import mr_instance

TRANSFORMATION = "PixelValueTransformationSequence"
FRAME_TYPE = "MRImageFrameTypeSequence"


def group(**macros: Dataset) -> Dataset:
    """A functional group with one item per macro."""
    dataset = Dataset()
    for keyword, content in macros.items():
        setattr(dataset, keyword, Sequence([content]))
    return dataset


def content(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def enhanced(frames: list[Dataset], shared: Dataset | None = None) -> Dataset:
    header = mr_instance(NumberOfFrames=len(frames), ImageType=None)
    header.PerFrameFunctionalGroupsSequence = Sequence(frames)
    if shared is not None:
        header.SharedFunctionalGroupsSequence = Sequence([shared])
    return header


def rescale(slope: str, intercept: str) -> Dataset:
    return group(**{TRANSFORMATION: content(RescaleSlope=slope, RescaleIntercept=intercept)})


def frame_type(*words: str, **values: str) -> Dataset:
    return group(**{FRAME_TYPE: content(FrameType=list(words), **values)})


def test_a_classic_image_has_no_groups() -> None:
    groups = FunctionalGroups.of(mr_instance())

    assert groups.for_frame(0) == []
    assert groups.macro(0, TRANSFORMATION) is None
    assert list(groups.items(FRAME_TYPE)) == []


def test_the_group_of_a_frame_comes_before_the_shared_one() -> None:
    groups = FunctionalGroups.of(enhanced([rescale("2", "0"), Dataset()], rescale("3", "0")))
    slopes = [groups.macro(frame, TRANSFORMATION).RescaleSlope for frame in range(2)]  # type: ignore[union-attr]

    assert slopes == [2, 3]


def test_a_frame_beyond_the_groups_has_the_shared_one() -> None:
    groups = FunctionalGroups.of(enhanced([rescale("2", "0")], rescale("3", "0")))

    assert [item.RescaleSlope for item in groups.macros(7, TRANSFORMATION)] == [3]


def test_an_empty_sequence_is_as_good_as_none() -> None:
    empty = Dataset()
    setattr(empty, TRANSFORMATION, Sequence())
    groups = FunctionalGroups.of(enhanced([empty], rescale("3", "0")))

    assert groups.macro(0, TRANSFORMATION).RescaleSlope == 3  # type: ignore[union-attr]


def test_items_of_all_groups() -> None:
    header = enhanced([frame_type("A"), frame_type("B")], frame_type("C"))
    words = [item.FrameType for item in FunctionalGroups.of(header).items(FRAME_TYPE)]

    assert words == ["C", "A", "B"]


def test_the_tag_is_that_of_the_sequence() -> None:
    assert PER_FRAME_TAG in enhanced([Dataset()])
    assert PER_FRAME_TAG not in mr_instance()


# who uses them


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (frame_type("ORIGINAL", "PRIMARY", "X", ComplexImageComponent="PHASE"), "P"),
        (frame_type("ORIGINAL", "PRIMARY", "PHASE MAP"), "P"),
        (frame_type("ORIGINAL", "PRIMARY", "X"), "R"),
        (Dataset(), "R"),
    ],
)
def test_the_component_of_a_frame(frame: Dataset, expected: str) -> None:
    header = enhanced([frame], frame_type("ORIGINAL", "PRIMARY", "REAL"))

    assert component(header) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ORIGINAL", "PRIMARY", "I"], "I"),
        (["P", "M", "OTHER"], ""),
        ("PHASE", ""),
        (None, ""),
        ([], ""),
    ],
)
def test_the_first_two_words_are_not_a_component(words: object, expected: str) -> None:
    assert from_words(words) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [b"\1\0", 1, "1", [1, 5]])
def test_ge_numbers_in_every_form_that_a_reader_gives_them(value: object) -> None:
    header = mr_instance(ImageType=["ORIGINAL", "PRIMARY"], Manufacturer="GE MEDICAL SYSTEMS")
    vr = "OB" if isinstance(value, bytes) else "IS" if isinstance(value, str) else "SS"
    header.add_new(0x0043102F, vr, value)

    assert component(header) == "P"


def test_the_number_of_another_maker_is_not_a_component() -> None:
    header = mr_instance(ImageType=["ORIGINAL", "PRIMARY"], Manufacturer="ACME")
    header.add_new(0x0043102F, "SS", 1)

    assert component(header) == "M"


def test_the_fill_of_a_frame_uses_its_own_rescale() -> None:
    header = enhanced([rescale("2", "-200"), Dataset()], rescale("1", "-50"))

    assert [fill_cell(header, frame) for frame in range(2)] == [100, 50]


@pytest.mark.parametrize("sequence", [FRAME_TYPE, "CTImageFrameTypeSequence"])
def test_a_projection_in_any_frame_makes_the_image_one(sequence: str) -> None:
    rendered = group(**{sequence: content(VolumeBasedCalculationTechnique="VOLUME_RENDER")})

    assert is_projection(enhanced([Dataset(), rendered]))
    assert not is_projection(enhanced([Dataset(), Dataset()]))


def test_fewer_groups_than_frames_are_withheld() -> None:
    measures = group(
        PlanePositionSequence=content(ImagePositionPatient=["0", "0", "0"]),
        PlaneOrientationSequence=content(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"]),
        PixelMeasuresSequence=content(PixelSpacing=["1", "1"]),
    )
    header = enhanced([measures])
    assert len(planes(header)) == 1

    header.NumberOfFrames = 2
    with pytest.raises(Withheld) as caught:
        planes(header)
    assert caught.value.reason is Reason.NO_GEOMETRY


# mosaics and grids


def test_tiles_of_a_grid_lie_where_the_private_sequence_says() -> None:
    header = mr_instance(ImagePositionPatient=None, Manufacturer="UIH")
    places = [["0", "0", "0"], ["0", "0", "5"], ["0", "0", "10"]]
    header.add_new(0x00651051, "SQ", [content(ImagePositionPatient=place) for place in places])
    tiles = planes(header)

    assert [(tile.top, tile.left) for tile in tiles] == [(0, 0), (0, 4), (4, 0)]
    assert [tile.rows for tile in tiles] == [4, 4, 4]
    assert [tile.height for tile in tiles] == [0, 5, 10]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "mosaic"]}, True),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M"]}, False),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "MOSAIC"], "NumberOfFrames": 2}, False),
    ],
)
def test_a_mosaic_is_known_by_its_image_type(changes: dict[str, object], expected: bool) -> None:
    assert is_mosaic(mr_instance(**changes)) is expected


@pytest.mark.parametrize(("maker", "expected"), [("SIEMENS", True), ("ACME", False)])
def test_or_by_the_number_of_tiles_of_siemens(maker: str, expected: bool) -> None:
    header = mr_instance(Manufacturer=maker)
    header.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 3)

    assert is_mosaic(header) is expected


@pytest.mark.parametrize("position", [["nan", "0", "0"], ["inf", "0", "0"], ["x", "0", "0"], None])
def test_a_position_that_is_none_is_withheld(position: list[str] | None) -> None:
    header = mr_instance(ImagePositionPatient=None)
    if position is not None:
        header.add_new(0x00200032, "LO", position)

    with pytest.raises(Withheld) as caught:
        planes(header)
    assert caught.value.reason is Reason.NO_GEOMETRY
