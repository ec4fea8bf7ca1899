"""Structure check, reading and splicing find the same elements, within the same bounds."""

from __future__ import annotations

import struct

import pytest

from deidflow.dicom.elements import EXPLICIT, IMPLICIT, Element, NotUnderstood
from deidflow.dicom.structure import NestedValue, check_element, file_meta, scan
from deidflow.dicom.walk import Level, Limits, Walk, element_at, elements_of, is_sequence, items_of
from deidflow.errors import Withheld
from deidflow.verdicts import Reason
from tests.dicom.raw_elements import (
    BIG_SYNTAX,
    IMPLICIT_SYNTAX,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    item,
    long,
    open_item,
    open_sequence,
    part10,
    plain,
    sequence,
    short,
)

NAME, PATIENT_ID, CHARSET = 0x00100010, 0x00100020, 0x00080005
REQUEST, CONTENT = 0x00400275, 0x0040A730
PIXELS = 0x7FE00010
PERSON = short(NAME, b"PN", b"DOE^JANE")
NUMBER = short(PATIENT_ID, b"LO", b"PID-1 ")


def reason_of(body: bytes, syntax: bytes | None = None, limits: Limits | None = None) -> Reason:
    """Why a file is withheld."""
    content = part10(body) if syntax is None else part10(body, syntax)
    with pytest.raises(Withheld) as caught:
        scan(memoryview(content), frozenset((NAME,)), limits or Limits())
    return caught.value.reason


def nested_in(body: bytes, *tags: int) -> list[NestedValue]:
    return scan(memoryview(part10(body)), frozenset(), nested=frozenset(tags)).nested


def tags_in(body: bytes, *, explicit: bool = True) -> list[int]:
    return [element.tag for element in elements_of(body, 0, len(body), explicit=explicit)]


# heads


def test_a_head_with_a_short_length() -> None:
    assert EXPLICIT.head(PERSON, 0) == (NAME, b"PN", 0, 8, 16, False)


def test_a_head_with_a_long_length() -> None:
    body = long(0x00420011, b"OB", b"abcd")

    assert EXPLICIT.head(body, 0) == (0x00420011, b"OB", 0, 12, 16, False)


def test_a_head_without_vr() -> None:
    body = plain(NAME, b"DOE^")

    assert IMPLICIT.head(body, 0) == (NAME, b"", 0, 8, 12, False)


def test_an_undefined_length_reaches_beyond_any_buffer() -> None:
    body = open_sequence(REQUEST)
    _, _, _, value, end, undefined = EXPLICIT.head(body, 0)

    assert undefined
    assert value == 12
    assert end > 1 << 60


def test_an_unknown_vr_is_not_understood() -> None:
    with pytest.raises(NotUnderstood) as caught:
        EXPLICIT.head(short(NAME, b"??", b""), 0)

    assert caught.value.reason is Reason.MALFORMED


# one level


def test_elements_of_a_level_lie_behind_each_other() -> None:
    body = PERSON + NUMBER
    first, second = elements_of(body, 0, len(body), explicit=True)

    assert body[first.value : first.end] == b"DOE^JANE"
    assert second.start == first.end
    assert body[second.value : second.end] == b"PID-1 "


def test_a_sequence_of_undefined_length_ends_behind_its_delimiter() -> None:
    body = open_sequence(REQUEST, open_item(PERSON)) + short(CONTENT, b"LO", b"")
    first, second = elements_of(body, 0, len(body), explicit=True)

    assert first.undefined
    assert body[first.end - 8 : first.end] == SEQUENCE_END
    assert second.start == first.end


@pytest.mark.parametrize(
    "body",
    [
        NUMBER + PERSON,
        PERSON + PERSON,
        PERSON + ITEM_END,
        PERSON + NUMBER[:-1],
        PERSON + NUMBER[:7],
        short(NAME, b"xx", b""),
        long(0x0040A160, b"UT", b"", UNDEFINED),
        open_sequence(REQUEST, item(PERSON))[:-8],
        open_sequence(REQUEST, PERSON),
    ],
    ids=[
        "descending",
        "twice",
        "a delimiter",
        "a cut value",
        "a cut head",
        "an unknown VR",
        "text without length",
        "no delimiter",
        "no item",
    ],
)
def test_what_is_odd_is_not_understood(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        elements_of(body, 0, len(body), explicit=True)


def test_the_top_level_ends_at_the_pixel_data() -> None:
    body = PERSON + long(PIXELS, b"OW", b"", UNDEFINED) + b"no element"
    elements = elements_of(body, 0, len(body), explicit=True, top=True)

    assert [element.tag for element in elements] == [NAME]


def test_elements_without_vr() -> None:
    body = plain(NAME, b"DOE^") + plain(PATIENT_ID, b"1 ")

    assert tags_in(body, explicit=False) == [NAME, PATIENT_ID]


def test_one_element_at_a_place() -> None:
    body = PERSON + open_sequence(REQUEST, open_item(b""))
    element = element_at(body, len(PERSON), len(body), explicit=True)

    assert (element.tag, element.end) == (REQUEST, len(body))


def test_a_length_beyond_the_end_is_not_understood() -> None:
    with pytest.raises(NotUnderstood):
        element_at(PERSON, 0, len(PERSON) - 1, explicit=True)


# items


@pytest.mark.parametrize("make_item", [item, open_item])
@pytest.mark.parametrize("make_sequence", [sequence, open_sequence])
def test_items_of_defined_and_undefined_length(make_item, make_sequence) -> None:  # type: ignore[no-untyped-def]
    body = make_sequence(REQUEST, make_item(PERSON), make_item(NUMBER))
    element = element_at(body, 0, len(body), explicit=True)
    contents = [body[start:end] for start, end in items_of(body, element, explicit=True)]

    assert contents == [PERSON, NUMBER]


def test_an_item_that_reaches_beyond_its_sequence_is_not_understood() -> None:
    body = sequence(REQUEST, plain(0xFFFEE000, PERSON, len(PERSON) + 2)) + NUMBER
    element = Element(REQUEST, b"SQ", 0, 12, 12 + 8 + len(PERSON))

    with pytest.raises(NotUnderstood):
        list(items_of(body, element, explicit=True))


def test_an_element_among_items_is_not_understood() -> None:
    body = sequence(REQUEST, PERSON)
    element = element_at(body, 0, len(body), explicit=True)

    with pytest.raises(NotUnderstood):
        list(items_of(body, element, explicit=True))


@pytest.mark.parametrize(
    ("tag", "vr", "expected"),
    [
        (REQUEST, b"SQ", True),
        (NAME, b"SQ", True),
        (REQUEST, b"UN", True),
        (REQUEST, b"", True),
        (NAME, b"UN", False),
        (REQUEST, b"LO", False),
    ],
)
def test_a_sequence_is_known_by_its_vr_or_its_tag(tag: int, vr: bytes, expected: bool) -> None:
    assert is_sequence(tag, vr) is expected


# into sequences


@pytest.mark.parametrize("make_item", [item, open_item])
@pytest.mark.parametrize("make_sequence", [sequence, open_sequence])
def test_nested_values_are_picked_up(make_item, make_sequence) -> None:  # type: ignore[no-untyped-def]
    inner = make_sequence(CONTENT, make_item(PERSON))
    body = make_sequence(REQUEST, make_item(inner), make_item(NUMBER))

    assert nested_in(body, NAME, PATIENT_ID) == [
        NestedValue(NAME, b"DOE^JANE", b""),
        NestedValue(PATIENT_ID, b"PID-1 ", b""),
    ]


def test_a_value_of_the_data_set_itself_is_not_a_nested_one() -> None:
    assert nested_in(PERSON, NAME) == []


def test_an_empty_nested_value_is_nothing() -> None:
    assert nested_in(sequence(REQUEST, item(short(NAME, b"PN", b""))), NAME) == []


def test_the_character_set_of_an_item_holds_in_its_sequences_and_not_beside_it() -> None:
    charset = short(CHARSET, b"CS", b"ISO_IR 192")
    inner = sequence(CONTENT, item(PERSON))
    body = sequence(REQUEST, item(charset + inner), item(NUMBER))

    assert nested_in(body, NAME, PATIENT_ID) == [
        NestedValue(NAME, b"DOE^JANE", b"ISO_IR 192"),
        NestedValue(PATIENT_ID, b"PID-1 ", b""),
    ]


def test_a_sequence_hidden_in_vr_un_is_entered_without_vr() -> None:
    content = item(plain(NAME, b"DOE^JANE"))

    assert nested_in(long(REQUEST, b"UN", content), NAME)[0].value == b"DOE^JANE"
    assert nested_in(open_sequence(REQUEST, content, vr=b"UN"), NAME)[0].value == b"DOE^JANE"


def test_both_readers_agree_on_a_sequence_in_vr_un() -> None:
    content = open_item(plain(NAME, b"DOE^JANE"))
    body = open_sequence(REQUEST, content, vr=b"UN")
    element = element_at(body, 0, len(body), explicit=True)
    ((start, end),) = items_of(body, element, explicit=False)

    assert element.end == len(body)
    assert tags_in(body[start:end], explicit=False) == [NAME]


def test_an_icon_in_a_sequence_is_not_the_pixel_data_of_the_file() -> None:
    icon = long(PIXELS, b"OW", bytes(16))
    body = sequence(0x00880200, item(icon)) + long(PIXELS, b"OW", bytes(4))
    structure = scan(memoryview(part10(body)), frozenset())

    assert structure.pixel_length == 4


def test_the_identifiers_in_one_element() -> None:
    body = PERSON + sequence(REQUEST, item(NUMBER))
    element = element_at(body, len(PERSON), len(body), explicit=True)
    values = check_element(body, element, frozenset((PATIENT_ID,)), explicit=True)

    assert values == [NestedValue(PATIENT_ID, b"PID-1 ", b"")]


def test_one_element_keeps_the_bounds_too() -> None:
    body = sequence(REQUEST, item(NUMBER[:-2]))
    element = element_at(body, 0, len(body), explicit=True)

    with pytest.raises(NotUnderstood) as caught:
        check_element(body, element, frozenset(), explicit=True)
    assert caught.value.reason is Reason.TRUNCATED


# byte order and form


def test_values_in_big_endian() -> None:
    body = short(NAME, b"PN", b"DOE^", order=">") + short(0x00280010, b"US", b"\1\0", order=">")
    structure = scan(memoryview(part10(body, BIG_SYNTAX)), frozenset((NAME, 0x00280010)))

    assert structure.big_endian
    assert structure.values[NAME] == b"DOE^"
    assert structure.values[0x00280010] == b"\1\0"


def test_values_in_implicit_vr() -> None:
    body = plain(NAME, b"DOE^") + plain(REQUEST, item(plain(PATIENT_ID, b"1 ")))
    content = memoryview(part10(body, IMPLICIT_SYNTAX))
    structure = scan(content, frozenset((NAME,)), nested=frozenset((PATIENT_ID,)))

    assert structure.values[NAME] == b"DOE^"
    assert [value.tag for value in structure.nested] == [PATIENT_ID]


def test_where_native_pixels_lie() -> None:
    content = part10(PERSON + long(PIXELS, b"OW", b"12345678"))
    structure = scan(memoryview(content), frozenset())

    assert (structure.pixel_length, structure.encapsulated) == (8, False)
    assert content[structure.pixel_offset :] == b"12345678"


def test_where_fragments_lie_and_how_the_first_begins() -> None:
    fragments = item(b"") + item(b"first!") + item(b"second")
    content = part10(long(PIXELS, b"OB", fragments + SEQUENCE_END, UNDEFINED))
    structure = scan(memoryview(content), frozenset())

    assert structure.encapsulated
    assert structure.pixel_length == len(fragments) + 8
    assert structure.codestream == b"first!"


def test_a_file_without_pixels() -> None:
    structure = scan(memoryview(part10(PERSON)), frozenset())

    assert structure.pixel_length is None


# bounds


def test_a_cut_head_is_called_cut() -> None:
    """Also where not even the VR of the next element is there."""
    for size in range(1, 8):
        assert reason_of(PERSON + NUMBER[:size]) is Reason.TRUNCATED


def test_a_cut_value_is_called_cut() -> None:
    assert reason_of(PERSON[:-1]) is Reason.TRUNCATED


def test_fragments_without_an_end_are_called_cut() -> None:
    pixels = long(PIXELS, b"OB", item(b"") + item(b"data"), UNDEFINED)

    assert reason_of(pixels) is Reason.TRUNCATED


def test_an_item_that_is_longer_than_its_sequence_is_called_cut() -> None:
    body = sequence(REQUEST, plain(0xFFFEE000, PERSON, 1 << 20))

    assert reason_of(body) is Reason.TRUNCATED


def test_a_sequence_that_nothing_ends_is_called_cut() -> None:
    assert reason_of(open_sequence(REQUEST, item(PERSON))[:-8]) is Reason.TRUNCATED


def test_a_delimiter_in_an_item_of_defined_length_is_malformed() -> None:
    assert reason_of(sequence(REQUEST, item(ITEM_END))) is Reason.MALFORMED


def test_the_end_of_a_sequence_of_defined_length_is_malformed() -> None:
    assert reason_of(sequence(REQUEST, SEQUENCE_END)) is Reason.MALFORMED


@pytest.mark.parametrize(("levels", "too_deep"), [(24, False), (25, True)])
@pytest.mark.parametrize("make_sequence", [sequence, open_sequence])
def test_sequences_may_be_24_levels_deep(levels: int, too_deep: bool, make_sequence) -> None:  # type: ignore[no-untyped-def]
    body = b""
    for _ in range(levels):
        body = make_sequence(CONTENT, item(body))
    content = memoryview(part10(body))

    if too_deep:
        assert reason_of(body) is Reason.TOO_DEEP
    else:
        assert scan(content, frozenset()).pixel_length is None


def test_finding_the_end_of_a_sequence_is_as_bounded() -> None:
    body = b""
    for _ in range(2_000):
        body = open_sequence(CONTENT, open_item(body))

    with pytest.raises(NotUnderstood) as caught:
        element_at(body, 0, len(body), explicit=True)
    assert caught.value.reason is Reason.TOO_DEEP


def test_elements_in_sequences_count_too() -> None:
    body = sequence(REQUEST, item(short(NAME, b"PN", b"") * 10))

    assert reason_of(body, limits=Limits(elements=10)) is Reason.TOO_MANY_ELEMENTS
    assert scan(memoryview(part10(body)), frozenset(), Limits(elements=11)).values


def test_a_walk_stops_where_it_is_told() -> None:
    body = PERSON + NUMBER
    level = Level(len(body), EXPLICIT, of_items=False, undefined=False)
    walk = Walk(body, 0, level, leaf=lambda *_: None, stop=PATIENT_ID)
    parts = walk.run()

    assert parts is not None
    assert parts[0] == PATIENT_ID
    assert walk.levels


# file meta information


def test_the_file_meta_ends_where_its_group_ends() -> None:
    content = part10(PERSON)
    values, end = file_meta(content)

    assert values == {0x00020010: b"1.2.840.10008.1.2.1\0"}
    assert content[end:] == PERSON


def test_a_group_length_that_lies_does_not_matter() -> None:
    lying = short(0x00020000, b"UL", struct.pack("<I", 4))
    content = bytes(128) + b"DICM" + lying + part10(PERSON)[132:]

    assert content[file_meta(content)[1] :] == PERSON


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        (long(0x00020001, b"OB", b"", 1 << 20), Reason.TRUNCATED),
        (long(0x00020001, b"OB", b"", UNDEFINED), Reason.TRUNCATED),
        (short(0x00020003, b"??", b""), Reason.MALFORMED),
    ],
)
def test_broken_file_meta_is_withheld(element: bytes, reason: Reason) -> None:
    with pytest.raises(Withheld) as caught:
        file_meta(bytes(128) + b"DICM" + element)
    assert caught.value.reason is reason
