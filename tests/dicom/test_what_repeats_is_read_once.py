"""What the files before had never changes what is read of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest

from deidflow.dicom.attributes import nested_identifiers, wanted_tags
from deidflow.dicom.elements import Element, NotUnderstood
from deidflow.dicom.instance import Instance, describe
from deidflow.dicom.repeats import Repeats
from deidflow.dicom.skim import Skimmer
from deidflow.dicom.structure import scan
from tests.dicom.raw_elements import item, long, open_item, open_sequence, sequence, short
from tests.synthetic import as_file, mr_instance

NAME, PATIENT_ID, UID, STUDY_DATE = 0x00100010, 0x00100020, 0x00080018, 0x00080020
IMPLICIT_SYNTAX = "1.2.840.10008.1.2"


class Texts:
    """A handler that says how often each element was handled, and gives tag and value."""

    explicit = True
    fixed = frozenset((0x00080005,))

    def __init__(self, together: Mapping[int, int] = MappingProxyType({})) -> None:
        self.together = together
        self.handled: list[int] = []

    def learn(self, _body: bytes, elements: Sequence[Element]) -> str:
        return f"{len(elements)} elements"

    def run(self, header: Any, body: bytes, elements: Sequence[Element], _before: int) -> str:
        return "".join(self.vary(header, body, element) for element in elements)

    def vary(self, _header: Any, body: bytes, element: Element) -> str:
        self.handled.append(element.tag)
        value = body[element.value : element.end].decode("latin-1")
        return f"{element.tag:08x}={value};"


def header(uid: str, name: str = "DOE^JANE", extra: bytes = b"") -> bytes:
    uid_element = short(UID, b"UI", uid.encode())
    return uid_element + short(NAME, b"PN", name.encode()) + short(PATIENT_ID, b"LO", b"1 ") + extra


def text_of(repeats: Repeats[str], body: bytes) -> str:
    _, pieces, end = repeats.read(body, 0)
    assert end == len(body)
    return "".join(pieces)


def expected(uid: str, name: str = "DOE^JANE") -> str:
    return f"00080018={uid};00100010={name};00100020=1 ;"


def test_the_first_file_is_read_in_full() -> None:
    handler = Texts()

    assert text_of(Repeats(handler), header("1.21")) == expected("1.21")
    assert handler.handled == [UID, NAME, PATIENT_ID]


def test_only_what_varies_is_handled_again() -> None:
    handler = Texts()
    repeats = Repeats(handler)
    for uid in ("1.21", "1.22"):
        assert text_of(repeats, header(uid)) == expected(uid)
    handler.handled.clear()

    assert text_of(repeats, header("1.23")) == expected("1.23")
    assert handler.handled == [UID]


def test_a_value_that_was_constant_may_change_later() -> None:
    repeats = Repeats(Texts())
    for uid in ("1.21", "1.22", "1.23"):
        text_of(repeats, header(uid))

    assert text_of(repeats, header("1.24", "ROE^JOHN")) == expected("1.24", "ROE^JOHN")
    assert text_of(repeats, header("1.25")) == expected("1.25")


def test_a_longer_value_moves_everything_behind_it() -> None:
    repeats = Repeats(Texts())
    for uid in ("1.21", "1.22", "1.23.4444", "1"):
        assert text_of(repeats, header(uid)) == expected(uid)


def test_headers_of_different_shape_do_not_disturb_each_other() -> None:
    repeats = Repeats(Texts())
    age = short(0x00101010, b"AS", b"062Y")
    for number in range(8):
        uid = f"1.{number}0"
        with_age = text_of(repeats, header(uid, extra=age))
        without = text_of(repeats, header(uid))

        assert with_age == expected(uid) + "00101010=062Y;"
        assert without == expected(uid)


def test_what_a_handler_learned_belongs_to_the_shape() -> None:
    repeats = Repeats(Texts())
    repeats.read(header("1.21"), 0)
    learned, _, _ = repeats.read(header("1.22", extra=short(0x00101010, b"AS", b"062Y")), 0)

    assert learned == "4 elements"


def test_tags_that_vary_together_are_handled_together() -> None:
    handler = Texts({UID: PATIENT_ID})
    repeats = Repeats(handler)
    for uid in ("1.21", "1.22"):
        text_of(repeats, header(uid))
    handler.handled.clear()
    text_of(repeats, header("1.23"))

    assert handler.handled == [UID, PATIENT_ID]


def test_guesses_of_earlier_series_spare_the_second_full_reading() -> None:
    guesses: dict[tuple[int, ...], set[int]] = {}
    first = Repeats(Texts(), guesses)
    for uid in ("1.21", "1.22"):
        text_of(first, header(uid))
    handler = Texts()
    second = Repeats(handler, guesses)
    text_of(second, header("1.31", "ROE^JOHN"))
    handler.handled.clear()

    assert text_of(second, header("1.32", "ROE^JOHN")) == expected("1.32", "ROE^JOHN")
    assert handler.handled == [UID]


def test_a_varying_sequence_of_undefined_length_is_closed() -> None:
    repeats = Repeats(Texts())
    for content in (b"ab", b"abcd", b"abcdef"):
        inner = short(0x00080100, b"SH", content)
        body = short(UID, b"UI", b"1.21") + open_sequence(0x00082218, open_item(inner))
        _, pieces, end = repeats.read(body, 0)

        assert end == len(body)
        assert content.decode() in "".join(pieces)


def test_a_varying_element_that_is_cut_is_not_understood() -> None:
    repeats = Repeats(Texts())
    for uid in ("1.21", "1.22"):
        text_of(repeats, short(NAME, b"PN", uid.encode()))

    with pytest.raises(NotUnderstood):
        repeats.read(short(NAME, b"PN", b"1.23")[:-2], 0)


def test_reading_ends_at_the_pixel_data() -> None:
    repeats = Repeats(Texts())
    pixels = long(0x7FE00010, b"OW", b"\0\1")
    for uid in ("1.21", "1.22", "1.23"):
        body = header(uid)
        _, pieces, end = repeats.read(body + pixels, 0)

        assert end == len(body)
        assert "".join(pieces) == expected(uid)


# facts from the head of a file


def walked(content: bytes) -> Instance:
    structure = scan(memoryview(content), wanted_tags(), nested=nested_identifiers())
    return describe(structure)


def compared(instance: Instance) -> dict[str, Any]:
    """The fields, with identifiers in any order."""
    return instance._asdict() | {"identifiers": set(instance.identifiers)}


def skimmed(skimmer: Skimmer, content: bytes) -> Instance:
    result = skimmer.read(content, len(content))
    assert result is not None
    return result[0]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", IMPLICIT_SYNTAX])
def test_the_head_says_what_the_whole_file_says(syntax: str) -> None:
    skimmer = Skimmer()
    for number in range(6):
        changes = {"SOPInstanceUID": f"1.2.3.{number}", "InstanceNumber": number}
        content = as_file(mr_instance(**changes), syntax)

        assert compared(skimmed(skimmer, content)) == compared(walked(content))


def test_identifiers_of_one_file_are_not_those_of_the_next() -> None:
    skimmer = Skimmer()
    for name in ("DOE^JANE", "ROE^JOHN", "DOE^JANE", "POE^ANN"):
        instance = skimmed(skimmer, as_file(mr_instance(PatientName=name)))
        names = [value for kind, value in instance.identifiers if kind == "name"]

        assert instance.patient_name == name
        assert names == [name]


def test_an_identifier_in_a_sequence_is_found_in_every_file() -> None:
    from pydicom.dataset import Dataset

    skimmer = Skimmer()
    for physician in ("DOE^JANE", "ROE^JOHN", "POE^ANN"):
        request = Dataset()
        request.RequestingPhysician = physician
        content = as_file(mr_instance(RequestAttributesSequence=[request]))

        assert ("staff", physician) in skimmed(skimmer, content).identifiers


def test_a_constant_sequence_counts_for_every_file() -> None:
    from pydicom.dataset import Dataset

    skimmer = Skimmer()
    request = Dataset()
    request.RequestingPhysician = "DOE^JANE"
    for number in range(4):
        changes = {"RequestAttributesSequence": [request], "InstanceNumber": number}
        instance = skimmed(skimmer, as_file(mr_instance(**changes)))

        assert ("staff", "DOE^JANE") in instance.identifiers
        assert instance.instance_number == str(number)


@pytest.mark.parametrize("kept", [100, 300, 900])
def test_a_head_that_ends_before_the_pixels_is_not_enough(kept: int) -> None:
    content = as_file(mr_instance())

    assert Skimmer().read(content[:kept], len(content)) is None


def test_pixels_that_are_longer_than_the_file_need_the_whole_file() -> None:
    content = as_file(mr_instance())

    assert Skimmer().read(content, len(content) - 1) is None


def test_fragments_need_the_whole_file() -> None:
    content = as_file(mr_instance(PixelData=None))
    pixels = long(0x7FE00010, b"OB", item(b""), 0xFFFFFFFF)

    assert Skimmer().read(content + pixels, len(content + pixels)) is None


def test_a_sequence_that_breaks_a_bound_needs_the_whole_file() -> None:
    content = as_file(mr_instance(PixelData=None, PatientWeight=None))
    broken = sequence(0x7FE10010, item(short(NAME, b"PN", b"abcd")[:-2]))

    assert Skimmer().read(content + broken, len(content + broken)) is None


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.70", "1.2.3"])
def test_other_transfer_syntaxes_need_the_whole_file(syntax: str) -> None:
    content = as_file(mr_instance())
    padded = syntax.encode().ljust(20, b"\0")
    other = content.replace(b"1.2.840.10008.1.2.1\0", padded)

    assert other != content
    assert Skimmer().read(other, len(other)) is None
