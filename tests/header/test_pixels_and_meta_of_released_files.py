"""Pixel data elements are copied, but for hidden text; file meta is made from the released header."""

from __future__ import annotations

import io
import struct

import pydicom
import pytest
from pydicom.uid import JPEGBaseline8Bit

from deidflow.dicom.elements import NotUnderstood, encoded, item
from deidflow.errors import Withheld
from deidflow.header.file_meta import new_file_meta
from deidflow.header.markers import mark_defaced
from deidflow.header.pixel_element import pixel_element
from tests.synthetic import mr_instance

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
HEAD = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
END = b"\xfe\xff\xdd\xe0\0\0\0\0"
FRAME = b"\xff\xd8\xff\xda\x00\x02\x11\x22\xff\xd9"
COMMENT = b"\xff\xfe\x00\x08secret"
COMMENTED = FRAME[:2] + COMMENT + FRAME[2:]


def encapsulated(*items: bytes) -> bytes:
    return HEAD + b"".join(map(item, items)) + END


def released(body: bytes, syntax: str = JPEGBaseline8Bit) -> bytes:
    return b"".join(pixel_element(body, 0, syntax, {}))


def test_a_file_without_pixels_has_none() -> None:
    assert pixel_element(b"", 0, EXPLICIT, {}) == []


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_native_pixels_are_copied_and_what_follows_is_left_out(syntax: str) -> None:
    element = encoded(0x7FE00010, b"OW", b"\1\2\3\4", explicit=syntax == EXPLICIT)
    assert released(element + b"trailing", syntax) == element


def test_a_length_beyond_the_file_is_not_understood() -> None:
    element = encoded(0x7FE00010, b"OW", b"\1\2\3\4", explicit=True)
    with pytest.raises(NotUnderstood):
        pixel_element(element[:-2], 0, EXPLICIT, {})


def test_another_element_after_the_header_is_not_understood() -> None:
    element = encoded(0x7FE10010, b"LO", b"ACME", explicit=True)
    with pytest.raises(NotUnderstood):
        pixel_element(element, 0, EXPLICIT, {})


def test_pixels_that_contradict_the_transfer_syntax_are_withheld() -> None:
    native = encoded(0x7FE00010, b"OW", b"\1\2\3\4", explicit=True)

    with pytest.raises(Withheld):
        pixel_element(native, 0, JPEGBaseline8Bit, {})
    with pytest.raises(Withheld):
        pixel_element(encapsulated(b"", FRAME), 0, EXPLICIT, {})


def test_clean_frames_are_copied_with_their_offset_table() -> None:
    body = encapsulated(struct.pack("<I", 0), FRAME)
    assert released(body + b"trailing") == body


def test_a_comment_in_a_frame_is_cut_out_with_the_offset_table() -> None:
    cleaned = released(encapsulated(struct.pack("<I", 0), COMMENTED))

    assert b"secret" not in cleaned
    assert cleaned == encapsulated(b"", FRAME)


def test_an_offset_table_that_holds_something_else_is_emptied() -> None:
    assert released(encapsulated(b"DOE^JANE", FRAME)) == encapsulated(b"", FRAME)
    assert released(encapsulated(b"DOE", FRAME)) == encapsulated(b"", FRAME)


def test_encapsulated_pixels_need_items_and_an_end() -> None:
    with pytest.raises(NotUnderstood):
        released(HEAD + END)
    with pytest.raises(NotUnderstood):
        released(encapsulated(b"", FRAME)[: -len(END)])


@pytest.mark.parametrize("explicit", [True, False])
def test_file_meta_names_class_and_instance_of_the_header(explicit: bool) -> None:
    header = encoded(0x00080008, b"CS", b"ORIGINAL", explicit=explicit)
    header += encoded(0x00080016, b"UI", b"1.2.840.1\0", explicit=explicit)
    header += encoded(0x00080018, b"UI", b"2.25.7", explicit=explicit)
    content = b"".join(new_file_meta(header, EXPLICIT, explicit=explicit))

    meta = pydicom.dcmread(io.BytesIO(content)).file_meta
    assert meta.MediaStorageSOPClassUID == "1.2.840.1"
    assert meta.MediaStorageSOPInstanceUID == "2.25.7"
    assert meta.TransferSyntaxUID == EXPLICIT
    assert meta.ImplementationVersionName == "DEIDFLOW"


def test_uids_are_found_after_an_element_of_the_long_form() -> None:
    header = encoded(0x00080006, b"SQ", b"", explicit=True)
    header += encoded(0x00080016, b"UI", b"1.2.840.1\0", explicit=True)
    header += encoded(0x00080018, b"UI", b"2.25.7", explicit=True)

    assert b"2.25.7" in b"".join(new_file_meta(header, EXPLICIT, explicit=True))


def test_a_header_without_its_uids_is_withheld() -> None:
    header = encoded(0x00080016, b"UI", b"1.2.840.1\0", explicit=True)
    with pytest.raises(Withheld):
        new_file_meta(header, EXPLICIT, explicit=True)


def defaced(**changes: object) -> pydicom.Dataset:
    header = mr_instance(DeidentificationMethodCodeSequence=[], **changes)
    mark_defaced(header, enhanced=False)
    return header


def test_a_defaced_image_is_derived() -> None:
    header = defaced(ImageType=["ORIGINAL", "PRIMARY", "M"])

    assert list(header.ImageType) == ["DERIVED", "PRIMARY", "M"]
    assert header.RecognizableVisualFeatures == "NO"
    assert header.DeidentificationMethodCodeSequence[0].CodeValue == "113102"


def test_an_image_type_of_one_value_is_replaced_as_a_whole() -> None:
    assert defaced(ImageType="ORIGINAL").ImageType == "DERIVED"


def test_a_defaced_multi_frame_image_is_mixed_and_its_frames_derived() -> None:
    frame_type = pydicom.Dataset()
    frame_type.FrameType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
    groups = pydicom.Dataset()
    groups.MRImageFrameTypeSequence = [frame_type]
    header = mr_instance(
        DeidentificationMethodCodeSequence=[],
        SharedFunctionalGroupsSequence=[groups],
    )
    mark_defaced(header, enhanced=True)

    assert header.ImageType[0] == "MIXED"
    assert frame_type.FrameType[0] == "DERIVED"
