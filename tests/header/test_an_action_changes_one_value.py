"""Every action of a profile on single values, from the bytes in the file to the bytes in the
release."""

from __future__ import annotations

import struct
from dataclasses import replace
from decimal import Decimal

import pytest

from deidflow.errors import Withheld
from deidflow.header.actions import apply
from deidflow.header.clock import StudyClock
from deidflow.header.context import HeaderContext
from deidflow.header.element_value import ActionSettings, ElementValue
from deidflow.header.rules import Rule
from deidflow.header.text import Scrubber
from deidflow.header.uids import UidMap
from deidflow.verdicts import Reason

DESCRIPTION, WEIGHT, ROWS = 0x0008103E, 0x00101030, 0x00280010
CONTEXT = HeaderContext(
    pseudonym="P001",
    uids=UidMap(b"k" * 32),
    shift_days=-100,
    clock=StudyClock.parse("2022-05-10T23:50:00"),
    scrubber=Scrubber.of((("name", "Zimmerquast^Adelheid"), ("number", "4711223"))),
    binned=True,
    hash_key=b"h" * 32,
    label="M06",
)
SETTINGS = ActionSettings(
    context=CONTEXT,
    dates="shift",
    times="keep",
    multiplicity={ROWS: 1},
    keep_binary=False,
)


def changed(
    rule: Rule,
    vr: bytes,
    raw: bytes,
    tag: int = DESCRIPTION,
    settings: ActionSettings = SETTINGS,
) -> bytes | None:
    return apply(ElementValue(rule, tag, vr, raw, settings))


def test_remove_and_empty_do_not_look_at_the_value() -> None:
    assert changed(Rule("remove"), b"LO", b"anything") is None
    assert changed(Rule("recurse"), b"LO", b"anything") is None
    assert changed(Rule("empty"), b"LO", b"anything") == b""


def test_retained_text_loses_its_padding_only() -> None:
    assert changed(Rule("retain"), b"LO", b"Zimmerquast ") == b"Zimmerquast"
    assert changed(Rule("retain"), b"OB", b"\1\0") == b"\1\0"


@pytest.mark.parametrize(
    ("vr", "expected"),
    [
        (b"DA", b"19000101"),
        (b"CS", b"REMOVED"),
        (b"LO", b"REMOVED"),
        (b"US", b"\0\0"),
        (b"FD", bytes(8)),
        (b"OB", b"\0\0"),
    ],
)
def test_a_dummy_is_legal_for_its_vr(vr: bytes, expected: bytes) -> None:
    assert changed(Rule("dummy"), vr, b"secret") == expected


def test_a_dummy_uid_is_the_mapped_one() -> None:
    mapped = changed(Rule("dummy"), b"UI", b"1.2.3.4.5\0")

    assert mapped == changed(Rule("uid"), b"UI", b"1.2.3.4.5")
    assert mapped is not None
    assert mapped.startswith(b"2.25.")


def test_a_replaced_number_has_the_form_of_its_vr() -> None:
    rule = Rule("replace", value="5")

    assert changed(rule, b"US", b"") == struct.pack("<H", 5)
    assert changed(rule, b"FD", b"") == struct.pack("<d", 5.0)
    assert changed(rule, b"LO", b"") == b"5"
    assert changed(rule, b"OB", b"") is None


def test_a_replacement_that_is_no_number_raises() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        changed(Rule("replace", value="five"), b"US", b"")


def test_the_uid_of_a_class_stays_and_others_are_mapped() -> None:
    sop_class = 0x00080016

    assert changed(Rule("uid"), b"UI", b"1.2.3\0", tag=sop_class) == b"1.2.3"
    assert changed(Rule("uid"), b"UI", b"not a uid", tag=sop_class) is None
    assert changed(Rule("uid"), b"LO", b"1.2.3") is None


def test_each_of_several_uids_is_mapped_on_its_own() -> None:
    both = changed(Rule("uid"), b"UI", b"1.2.3\\1.2.4")
    first = changed(Rule("uid"), b"UI", b"1.2.3")

    assert both is not None
    assert both.split(b"\\")[0] == first
    assert both.split(b"\\")[1] != first


def test_pseudonym_and_timepoint_take_the_place_of_the_value() -> None:
    assert changed(Rule("pseudonym"), b"LO", b"PID-77120") == b"P001"
    assert changed(Rule("timepoint"), b"LO", b"2022") == b"M06"


def test_equal_values_of_one_attribute_get_equal_hashes() -> None:
    rule = Rule("hash")
    first = changed(rule, b"SH", b"A-17 ")

    assert first == changed(rule, b"SH", b"A-17")
    assert first != changed(rule, b"SH", b"A-18")
    assert first != changed(rule, b"SH", b"A-17", tag=WEIGHT)


def test_a_hash_is_a_number_where_the_vr_wants_one() -> None:
    hashed = changed(Rule("hash"), b"IS", b"12")

    assert hashed is not None
    assert hashed.isdigit()
    assert changed(Rule("hash"), b"SH", b"  ") == b""
    assert changed(Rule("hash"), b"OB", b"12") is None


def test_a_shifted_date_keeps_its_placeholder_and_falls_back_otherwise() -> None:
    rule = Rule("date", fallback="empty")

    assert changed(rule, b"DA", b"20220510") == b"20220130"
    assert changed(rule, b"DA", b"20220510\\20220511") == b"20220130\\20220131"
    assert changed(rule, b"DA", b"last May") == b""


@pytest.mark.parametrize(
    ("times", "time", "moment"),
    [
        ("keep", b"101112", b"20220130101112"),
        ("zero", b"000000", b"20220130000000"),
        ("remove", None, b"20220130"),
    ],
)
def test_times_of_shifted_dates_follow_the_profile(
    times: str, time: bytes | None, moment: bytes
) -> None:
    settings = replace(SETTINGS, times=times)

    assert changed(Rule("date"), b"TM", b"101112", settings=settings) == time
    assert changed(Rule("date"), b"DT", b"20220510101112", settings=settings) == moment


def test_numbers_are_floored_to_bins() -> None:
    rule = Rule("bin", step=Decimal(5))

    assert changed(rule, b"DS", b"72.5", tag=WEIGHT) == b"70"
    assert changed(rule, b"DS", b"72.5\\81", tag=WEIGHT) == b"70\\80"
    assert changed(rule, b"DS", b"heavy", tag=WEIGHT) is None


def test_binary_numbers_are_floored_to_bins() -> None:
    rule = Rule("bin", step=Decimal(5))
    floats = struct.pack("<2d", 72.5, 81.0)

    assert changed(rule, b"FD", floats, tag=WEIGHT) == struct.pack("<2d", 70, 80)
    assert changed(rule, b"US", struct.pack("<H", 72), tag=WEIGHT) == struct.pack("<H", 70)
    assert changed(rule, b"FD", struct.pack("<d", float("nan")), tag=WEIGHT) is None


def test_an_age_is_binned_or_removed() -> None:
    assert changed(Rule("age"), b"AS", b"063Y") == b"060Y"
    assert changed(Rule("age"), b"AS", b"old ") is None


def test_a_description_without_words_falls_back() -> None:
    assert changed(Rule("words"), b"LO", b"T1 SAG Adelheid") == b"T1 SAG"
    assert changed(Rule("words"), b"LO", b"Adelheid", tag=DESCRIPTION) == b""
    assert changed(Rule("words", fallback="dummy"), b"LO", b"Adelheid") == b"REMOVED"
    assert changed(Rule("words"), b"US", b"\1\0") is None


def test_tokens_keep_their_places() -> None:
    released = changed(Rule("tokens"), b"CS", b"ORIGINAL\\PRIMARY\\SECRET\\M")
    assert released == b"ORIGINAL\\PRIMARY\\NONE\\M"


def test_a_kept_moment_must_be_one() -> None:
    rule = Rule("keep", fallback="empty")

    assert changed(rule, b"DA", b"20220510") == b"20220510"
    assert changed(rule, b"TM", b"noon") == b""
    assert changed(rule, b"DT", b"20220510101112 ") == b"20220510101112"


def test_a_kept_number_of_the_patient_becomes_zero() -> None:
    own = struct.pack("<I", 4711223)

    assert changed(Rule("keep"), b"UL", own) == bytes(4)
    assert changed(Rule("keep"), b"IS", b"4711223\\7") == b"0\\7"
    assert changed(Rule("keep"), b"UL", struct.pack("<I", 4711224)) != bytes(4)


def test_too_many_or_incomplete_numbers_are_removed() -> None:
    assert changed(Rule("keep"), b"US", b"\1\0", tag=ROWS) == b"\1\0"
    assert changed(Rule("keep"), b"US", b"\1\0\2\0", tag=ROWS) is None
    assert changed(Rule("keep"), b"US", b"\1\0\2", tag=DESCRIPTION) is None


def test_text_that_is_not_a_number_is_removed_from_numeric_attributes() -> None:
    assert changed(Rule("keep"), b"DS", b"1.5\\") == b"1.5\\"
    assert changed(Rule("keep"), b"DS", b"about 1.5") is None
    assert changed(Rule("keep"), b"DS", b"1" * 33) is None


def test_binary_values_stay_only_where_an_image_needs_them() -> None:
    table = 0x00281201

    assert changed(Rule("keep"), b"OW", b"\1\0\2\0", tag=table) == b"\1\0\2\0"
    assert changed(Rule("keep"), b"OW", b"\1\0\2\0") is None
    assert changed(Rule("keep"), b"OW", b"Zimmerquast\0", tag=table) is None


def test_what_follows_a_control_character_is_dropped() -> None:
    assert changed(Rule("keep"), b"LO", b"visible\x01hidden") == b"visible"


def test_text_of_an_absurd_length_is_removed() -> None:
    assert changed(Rule("keep"), b"SH", b"x" * 64) == b"x" * 64
    assert changed(Rule("keep"), b"SH", b"x" * 65) is None


def test_text_that_was_only_a_name_becomes_a_dummy() -> None:
    assert changed(Rule("keep"), b"LO", b"Adelheid Zimmerquast") == b"REMOVED"
    assert changed(Rule("keep"), b"LO", b"seen by Adelheid") == b"seen by"


def test_non_ascii_bytes_are_no_code() -> None:
    with pytest.raises(UnicodeError):
        changed(Rule("keep"), b"CS", b"M\xfcller")


def test_the_caller_may_refuse_a_text_that_stays() -> None:
    def refuse(tag: int, text: str) -> None:
        if "Neighbour" in text:
            raise Withheld(Reason.MALFORMED)

    settings = replace(SETTINGS, context=replace(CONTEXT, refuse=refuse))

    assert changed(Rule("keep"), b"LO", b"T1 SAG", settings=settings) == b"T1 SAG"
    with pytest.raises(Withheld):
        changed(Rule("keep"), b"LO", b"Neighbour", settings=settings)
