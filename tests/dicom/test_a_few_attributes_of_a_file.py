"""A few attributes of a file are read and changed as pydicom would, without reading the others."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.errors import InvalidDicomError

from deidflow.dicom.elements import PIXEL_DATA
from deidflow.dicom.image_attributes import IMAGE_ATTRIBUTES
from deidflow.dicom.partial import AttributeReader, tags_of
from deidflow.dicom.structure import EXPLICIT_LITTLE
from deidflow.header.edit import HeaderEditor, encoded_elements
from tests.places import REAL_DATA
from tests.synthetic import as_file, mr_instance

IMPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"
EDITED = tags_of("ImageType", "DerivationDescription", "RecognizableVisualFeatures")


def both_ways(content: bytes) -> tuple[Any, Any]:
    """The attributes of an image as read here, and by pydicom alone."""
    tags = [*sorted(IMAGE_ATTRIBUTES), PIXEL_DATA]
    by_pydicom = pydicom.dcmread(io.BytesIO(content), specific_tags=tags)
    return AttributeReader(IMAGE_ATTRIBUTES).read(content, pixels=True).attributes, by_pydicom


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT, DEFLATED])
def test_attributes_are_those_that_pydicom_reads(syntax: str) -> None:
    ours, theirs = both_ways(as_file(mr_instance(), syntax))

    assert {int(tag) for tag in ours.keys()} >= {int(tag) for tag in theirs.keys()}
    assert not [tag for tag in theirs.keys() if ours[tag].value != theirs[tag].value]


def test_only_what_was_asked_for_is_there() -> None:
    content = as_file(mr_instance(PatientName="Zimmerquast^Adelheid"))

    attributes = AttributeReader(tags_of("Rows")).read(content).attributes

    assert attributes.Rows == mr_instance().Rows
    assert "PatientName" not in attributes
    assert "PixelData" not in attributes


def test_pixels_are_found_where_they_lie() -> None:
    header = mr_instance()
    content = as_file(header)

    image = AttributeReader(tags_of("Rows")).read(content, pixels=True)

    assert image.pixel_start is not None
    end = image.pixel_start + len(header.PixelData)
    assert content[image.pixel_start : end] == header.PixelData


def test_a_private_element_in_another_block_is_found() -> None:
    header = mr_instance(Manufacturer="SIEMENS")
    header.private_block(0x0019, "SOMEBODY ELSE", create=True)
    block = header.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0A, "US", 44)

    attributes = AttributeReader(IMAGE_ATTRIBUTES).read(as_file(header)).attributes

    assert attributes[0x0019110A].value == 44


def test_what_the_walk_does_not_understand_is_read_by_pydicom() -> None:
    content = as_file(mr_instance())
    twice = content.replace(b"\x28\x00\x10\x00", b"\x28\x00\x11\x00", 1)

    ours, theirs = both_ways(twice)

    assert ours.Columns == theirs.Columns
    with pytest.raises(InvalidDicomError):
        AttributeReader(IMAGE_ATTRIBUTES).read(b"no DICOM" * 40)


def test_a_file_is_read_as_if_it_were_the_first() -> None:
    files = []
    for number in range(12):
        header = mr_instance(SliceLocation=number / 7, Rows=8 + number % 2)
        if number % 3 == 0:
            header.PatientComments = "x" * number
        header.ImagePositionPatient = [0.25, -number, 10**number]
        files.append(as_file(header, IMPLICIT if number % 4 == 1 else EXPLICIT_LITTLE))

    reader = AttributeReader(IMAGE_ATTRIBUTES)
    for content in (*files, *reversed(files)):
        alone = AttributeReader(IMAGE_ATTRIBUTES).read(content, pixels=True)
        assert reader.read(content, pixels=True) == alone


def test_a_word_that_is_no_attribute_is_named() -> None:
    with pytest.raises(ValueError, match="Rowes"):
        tags_of("Rows", "Rowes")


def marked(header: Any) -> None:
    """An edit that changes one attribute and adds another."""
    header.ImageType = ["DERIVED", *list(header.ImageType)[1:]]
    header.RecognizableVisualFeatures = "NO"


def test_an_edited_header_is_the_same_as_pydicom_writes_it() -> None:
    content = as_file(mr_instance(ImageType=["ORIGINAL", "PRIMARY", "M"]))
    expected = pydicom.dcmread(io.BytesIO(content))
    marked(expected)

    edited = HeaderEditor(EDITED).released(content, marked, {}, EXPLICIT_LITTLE)

    released = pydicom.dcmread(io.BytesIO(edited))
    assert encoded_elements(released) == encoded_elements(expected)


def test_an_edit_that_reaches_further_is_an_error() -> None:
    def rename(header: Any) -> None:
        header.PatientName = "P001"

    editor = HeaderEditor(EDITED)
    with pytest.raises(ValueError, match="not asked for"):
        editor.released(as_file(mr_instance()), rename, {}, EXPLICIT_LITTLE)


@pytest.mark.realdata
def test_attributes_of_real_files_are_those_that_pydicom_reads() -> None:
    for folder in sorted(Path(REAL_DATA).iterdir()):
        for path in sorted(folder.rglob("*.dcm"))[:2]:
            try:
                ours, theirs = both_ways(path.read_bytes())
            except (InvalidDicomError, AttributeError):
                continue
            standard = [tag for tag in theirs.keys() if not tag.is_private]
            for tag in standard:
                assert ours[tag].value == theirs[tag].value, (path.name, tag)
