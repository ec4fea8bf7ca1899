"""The check's own reader: values, items, private creators, pixels; what does not fit is refused."""

from __future__ import annotations

import struct
import zlib

import pytest

from deidflow.checks.dicom_file import File, open_file
from deidflow.checks.elements import Element, Level, NotReadable, Pixels, is_creator, name_of
from tests.checks.conftest import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    PIXEL_DATA,
    SEQUENCE_END,
    UNDEFINED,
    dicom_file,
    encoded,
    encoded_implicit,
    item,
    sequence,
)

NAME = encoded(0x00100010, b"PN", b"Doe^Jane")
COIL = encoded(0x00181250, b"SH", b"coil")
SEQUENCE_TAG = 0x00081140


def read(body: bytes, syntax: str = EXPLICIT) -> list[Element]:
    return list(open_file(dicom_file(body, syntax)).elements())


def values(body: bytes, syntax: str = EXPLICIT) -> list[tuple[int, bytes, bytes]]:
    return [(element.tag, element.vr, element.raw) for element in read(body, syntax)]


def walked(body: bytes) -> File:
    file = open_file(dicom_file(body))
    list(file.elements())
    return file


def test_values_of_short_and_long_vrs_are_read_in_order() -> None:
    body = NAME + encoded(0x00204000, b"UT", b"text") + encoded(0x00280010, b"US", b"\x08\0")
    assert values(body) == [
        (0x00100010, b"PN", b"Doe^Jane"),
        (0x00204000, b"UT", b"text"),
        (0x00280010, b"US", b"\x08\0"),
    ]


def test_implicit_vrs_come_from_the_dictionary() -> None:
    body = b"".join(
        (
            encoded_implicit(0x00100010, b"Doe^Jane"),
            encoded_implicit(0x00280106, b"\0\0"),
            encoded_implicit(0x00290010, b"ACME"),
            encoded_implicit(0x00291001, b"private."),
        )
    )
    vrs = [vr for _, vr, _ in values(body, IMPLICIT)]
    assert vrs == [b"PN", b"OW", b"LO", b"UN"]


def test_big_endian_is_read() -> None:
    name = struct.pack(">HH2sH", 0x0010, 0x0010, b"PN", 8) + b"Doe^Jane"
    assert values(name, BIG) == [(0x00100010, b"PN", b"Doe^Jane")]


def test_a_deflated_data_set_is_inflated() -> None:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = deflater.compress(NAME) + deflater.flush()
    file = open_file(dicom_file(deflated, DEFLATED))
    assert (file.start, file.body) == (0, NAME)
    assert [element.raw for element in file.elements()] == [b"Doe^Jane"]


@pytest.mark.parametrize("delimited", [False, True])
@pytest.mark.parametrize("delimited_items", [False, True])
def test_items_are_read_with_lengths_and_with_delimiters(
    delimited: bool, delimited_items: bool
) -> None:
    items = [
        item(NAME, delimited=delimited_items),
        item(COIL, delimited=delimited_items),
    ]
    body = sequence(SEQUENCE_TAG, items, delimited=delimited) + COIL
    elements = read(body)
    assert [element.tag for element in elements] == [0x00100010, 0x00181250, 0x00181250]
    assert [element.level.depth for element in elements] == [1, 1, 0]


def test_nested_sequences_are_read_depth_first() -> None:
    inner = sequence(SEQUENCE_TAG, [item(NAME, delimited=True)], delimited=True)
    body = sequence(SEQUENCE_TAG, [item(inner + COIL, delimited=True)], delimited=True)
    elements = read(body)
    assert [element.level.depth for element in elements] == [2, 1]


def test_a_value_of_unknown_vr_and_undefined_length_is_an_implicit_sequence() -> None:
    content = item(encoded_implicit(0x00100010, b"Doe^Jane"))
    content += encoded_implicit(SEQUENCE_END, b"")
    body = encoded(0x00291001, b"UN", content, length=UNDEFINED)
    assert values(body) == [(0x00100010, b"PN", b"Doe^Jane")]


def test_a_sequence_without_delimiter_ends_with_the_file() -> None:
    body = encoded(SEQUENCE_TAG, b"SQ", item(NAME), length=UNDEFINED)
    assert [raw for _, _, raw in values(body)] == [b"Doe^Jane"]


def test_an_empty_sequence_has_no_values() -> None:
    assert values(sequence(SEQUENCE_TAG, [])) == []
    assert values(sequence(SEQUENCE_TAG, [], delimited=True) + COIL) == [
        (0x00181250, b"SH", b"coil")
    ]


def test_an_item_inherits_the_character_set_and_may_have_its_own() -> None:
    charset = encoded(0x00080005, b"CS", b"ISO_IR 100")
    other = encoded(0x00080005, b"CS", b"ISO_IR 192")
    body = charset + sequence(SEQUENCE_TAG, [item(NAME), item(other + NAME)]) + COIL
    by_value = [(element.raw, element.level.charset) for element in read(body)]
    assert (b"Doe^Jane", b"ISO_IR 100") in by_value
    assert (b"Doe^Jane", b"ISO_IR 192") in by_value
    assert by_value[-1] == (b"coil", b"ISO_IR 100")


def test_private_elements_are_named_by_their_creator() -> None:
    body = encoded(0x00290010, b"LO", b"ACME MR ") + encoded(0x00291005, b"LO", b"x ")
    creator, private = read(body)
    assert name_of(creator) == "0029,0010"
    assert name_of(private) == "0029,ACME MR,05"


def test_a_creator_counts_in_its_own_data_set_only() -> None:
    creator = encoded(0x00290010, b"LO", b"ACME")
    private = encoded(0x00291005, b"LO", b"x ")
    body = creator + sequence(SEQUENCE_TAG, [item(private)])
    assert name_of(read(body)[-1]) == "0029,1005"


def test_a_standard_element_is_named_by_its_keyword_or_its_tag() -> None:
    named, unnamed = read(NAME + encoded(0x00100099, b"LO", b"x "))
    assert name_of(named) == "PatientName"
    assert name_of(unnamed) == "0010,0099"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (0x00290010, True),
        (0x002900FF, True),
        (0x0029000F, False),
        (0x00290100, False),
        (0x00100010, False),
    ],
)
def test_creators_are_private_elements_of_the_first_block(tag: int, expected: bool) -> None:
    assert is_creator(tag) is expected


def test_a_private_element_below_the_blocks_has_no_creator() -> None:
    level = Level(creators={0x00290000: "ACME"})
    assert level.creator_of(0x00290001) == ""


def test_native_pixels_are_noted_and_not_read() -> None:
    file = walked(NAME + encoded(PIXEL_DATA, b"OW", b"12345678"))
    assert file.stored == b"12345678"
    assert file.pixels is not None
    assert not file.pixels.encapsulated


def test_compressed_pixels_are_noted_with_their_items() -> None:
    content = item(b"") + item(b"\xff\xd8\xff\xd9") + encoded_implicit(SEQUENCE_END, b"")
    file = walked(NAME + encoded(PIXEL_DATA, b"OB", content, length=UNDEFINED))
    assert file.stored == content
    assert file.pixels is not None
    assert file.pixels.encapsulated


def test_pixels_are_known_only_after_the_walk() -> None:
    file = open_file(dicom_file(encoded(PIXEL_DATA, b"OW", b"12345678")))
    assert (file.pixels, file.stored) == (None, b"")
    assert list(file.elements()) == []
    assert file.pixels == Pixels(file.start + 12, len(file.body), encapsulated=False)


def test_pixels_of_an_icon_are_a_value() -> None:
    icon = item(encoded(PIXEL_DATA, b"OW", b"icon"))
    file = open_file(dicom_file(sequence(0x00880200, [icon])))
    assert [element.raw for element in file.elements()] == [b"icon"]
    assert file.pixels is None


def test_file_meta_is_kept_apart() -> None:
    name = encoded(0x00020016, b"AE", b"SENDER")
    file = open_file(dicom_file(NAME, EXPLICIT, name))
    assert file.syntax == EXPLICIT
    assert file.meta[0x00020016] == b"SENDER"
    assert file.preamble == bytes(128)
    assert file.meta_uid(0x00020003) == b""


def nested(depth: int) -> bytes:
    body = NAME
    for _ in range(depth):
        body = sequence(SEQUENCE_TAG, [item(body)])
    return body


def test_sequences_are_read_to_a_depth_of_64_and_no_deeper() -> None:
    assert len(read(nested(64))) == 1
    with pytest.raises(NotReadable):
        read(nested(65))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(NAME[:-1], id="a value longer than the file"),
        pytest.param(NAME + b"\0", id="a byte behind the last value"),
        pytest.param(encoded(0x00100010, b"XX", b"x"), id="a VR that does not exist"),
        pytest.param(encoded(PIXEL_DATA, b"OW", b"x", length=9), id="pixels that are cut"),
        pytest.param(
            encoded(SEQUENCE_TAG, b"SQ", NAME, length=len(NAME)), id="a sequence without items"
        ),
        pytest.param(
            sequence(SEQUENCE_TAG, [encoded_implicit(ITEM, NAME, length=UNDEFINED)]),
            id="an item without end",
        ),
        pytest.param(
            sequence(SEQUENCE_TAG, [encoded_implicit(ITEM, NAME, length=len(NAME) - 1)]),
            id="an item shorter than its value",
        ),
        pytest.param(
            encoded(PIXEL_DATA, b"OB", NAME + bytes(8), length=UNDEFINED),
            id="compressed pixels without items",
        ),
        pytest.param(
            encoded(PIXEL_DATA, b"OB", item(b"x"), length=UNDEFINED),
            id="compressed pixels without end",
        ),
    ],
)
def test_what_does_not_fit_is_refused(body: bytes) -> None:
    with pytest.raises((NotReadable, struct.error, IndexError)):
        read(body)


def test_a_file_without_the_mark_is_refused() -> None:
    with pytest.raises(NotReadable):
        open_file(dicom_file(NAME).replace(b"DICM", b"DICX"))
    with pytest.raises(NotReadable):
        open_file(b"")
