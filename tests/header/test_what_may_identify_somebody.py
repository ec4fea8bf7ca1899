"""Numbers, names and contacts that identify somebody, ages that may, and rules that let them through."""

from __future__ import annotations

import gzip
import struct

import pytest

from deidflow.header.ages import age_from, limit_age, parse_age
from deidflow.header.common_words import is_common, is_identifying, least_letters
from deidflow.header.completeness import is_complete, weakened
from deidflow.header.computed_age import computed_age, has_age
from deidflow.header.csa import scrub_csa
from deidflow.header.folded_text import folded_with_places
from deidflow.header.identifiers import expressions
from deidflow.header.load_profile import load_profile
from deidflow.header.national_numbers import holds_national_number
from deidflow.header.number_patterns import own_numbers
from deidflow.header.profile import Deviation
from deidflow.header.rules import Rule, compile_profile
from deidflow.header.selectors import tag_of
from deidflow.header.table import basic_action, date_fallback, listed_attributes
from deidflow.header.text import Scrubber
from deidflow.header.uids import UidMap
from deidflow.header.vocabulary import keep_tokens, keep_words


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (b"943 476 5919", True),
        (b"943 476 5918", False),
        (b"255081416802538", True),
        (b"255081416802539", False),
        (b"811218-9876", True),
        (b"811218-9875", False),
        (b"010190-1234", True),
        (b"123-45-6789", True),
        (b"000-45-6789", False),
        (b"756.1234.5678.97", True),
        (b"A123456780", True),
        (b"A123456781", False),
    ],
)
def test_check_digits_tell_national_numbers_from_others(number: bytes, expected: bool) -> None:
    assert holds_national_number(b"no " + number + b" in text") is expected


def test_the_age_at_the_study_has_the_unit_of_its_size() -> None:
    assert age_from("19600412", "20220510") == "062Y"
    assert age_from("20210412", "20220510") == "012M"
    assert age_from("20220501", "20220510") == "009D"
    assert age_from("20220511", "20220510") is None
    assert age_from("19000101", "20220510") is None


def test_old_people_are_ninety_and_children_get_finer_bins() -> None:
    assert limit_age("095Y", binned=False) == "090Y"
    assert limit_age("063Y", binned=True) == "060Y"
    assert limit_age("020M", binned=True) == "018M"
    assert limit_age("003D", binned=True) == "001W"
    assert limit_age("old", binned=True) is None
    assert parse_age("012M") == (12, "M")


def test_a_missing_age_is_computed_once() -> None:
    rules = compile_profile(load_profile("high"))
    dates = {0x00100030: b"19600412", 0x00080020: b"20220510"}

    assert computed_age(dates, rules, binned=True) == "060Y"
    assert computed_age({**dates, 0x00101010: b"063Y"}, rules, binned=True) is None
    assert has_age({0x00101010: b"000Y"}) is False


def test_words_of_acquisition_and_makers_identify_nobody() -> None:
    assert is_common("T1 MPRAGE")
    assert not is_identifying("--")
    assert is_identifying("Zimmerquast")


def test_fewer_letters_mean_somebody_in_other_scripts() -> None:
    assert least_letters("Ng") == 3
    assert least_letters("Пё") == 2
    assert least_letters("金") == 1


def test_folded_letters_know_where_they_come_from() -> None:
    folded, places = folded_with_places("Weiß^Ö")

    assert folded == "weiss^o"
    assert list(places) == [0, 1, 2, 3, 3, 4, 5]


def test_short_identifiers_are_left_out_when_asked_for() -> None:
    pairs = [("name", "Lee^Anna"), ("number", "471")]

    assert len(expressions(pairs, shortest=5)) < len(expressions(pairs))
    assert expressions([("text", "--")]) == []


def test_numbers_are_compared_as_binary_attributes_hold_them() -> None:
    pairs = [("number", "47-11-223"), ("number", "123"), ("birth", "19600412")]
    assert own_numbers(pairs) == {4711223, 19600412, 12041960}


@pytest.mark.parametrize("codec", ["latin-1", "utf-8", "utf-16-le", "utf-16-be"])
def test_a_name_in_a_csa_header_is_overwritten_in_any_encoding(codec: str) -> None:
    scrubber = Scrubber.of((("name", "Müllerhagen^Jörg"),))
    raw = b"\1\0" + "seen: Müllerhagen".encode(codec) + b"\0\2"
    scrubbed = scrub_csa(raw, scrubber)

    assert len(scrubbed) == len(raw)
    assert "llerhagen".encode(codec) not in scrubbed
    assert "seen".encode(codec) in scrubbed


def test_moments_and_uids_of_a_csa_header_go_without_a_patient() -> None:
    raw = b"at 20220510101112.5 in 1.3.12.2.1107.5.2.43 of 1.2.840.10008.5.1.4.1.1.4"
    scrubbed = scrub_csa(raw, Scrubber.of(()))

    assert b"20220510" not in scrubbed
    assert b"1107" not in scrubbed
    assert scrubbed.endswith(b"1.2.840.10008.5.1.4.1.1.4")


def test_compressed_bytes_cannot_be_searched() -> None:
    scrubber = Scrubber.of((("name", "Zimmerquast^Adelheid"),))

    assert scrubber.hides(b"x" + gzip.compress(b"Zimmerquast"))
    assert not scrubber.hides(struct.pack("<4d", 1, 2, 3, 4))


def test_the_patients_name_goes_even_if_it_is_a_word_of_acquisition() -> None:
    assert keep_words("T1 SAG KIM") == "T1 SAG"
    assert keep_words("T1 SAG", own=frozenset(("sag",))) == "T1"
    assert keep_words("T1 KIM", more=frozenset(("kim",))) == "T1 KIM"
    assert keep_tokens(["X", "", "PRIMARY", "M", "SECRET"]) == ["NONE", "", "PRIMARY", "M"]


def test_every_code_of_the_table_has_a_basic_action() -> None:
    actions = {basic_action(row) for _, row in listed_attributes()}
    assert actions == {"remove", "empty", "dummy", "uid", "date", "recurse"}


def test_a_date_that_may_be_required_is_never_only_removed() -> None:
    rows = {row["keyword"]: row for _, row in listed_attributes()}

    assert date_fallback(rows["StudyDate"]) == "empty"
    assert date_fallback(rows["AcquisitionDate"]) in ("remove", "empty")


def test_a_profile_that_keeps_a_name_is_not_complete() -> None:
    basic = load_profile("basic")
    kept = Deviation(attribute="PatientName", action="keep", reason="shown")
    weaker = basic.deviating((kept,))

    assert is_complete(basic)
    assert not is_complete(weaker)
    assert weakened(weaker) == (tag_of("PatientName"),)


def test_a_rule_inside_of_a_sequence_holds_there_only() -> None:
    inner = Deviation(
        attribute="ReferencedStudySequence/StudyDate",
        action="retain",
        reason="shown",
    )
    rules = compile_profile(load_profile("basic").deviating((inner,)))
    nested = rules.inside(tag_of("ReferencedStudySequence"))

    assert nested.for_tag(tag_of("StudyDate"), "DA").action == "retain"
    assert rules.for_tag(tag_of("StudyDate"), "DA").action != "retain"


def test_a_family_of_tags_wins_over_the_attributes_named_before() -> None:
    family = Deviation(attribute="0008,10xx", action="empty", reason="shown")
    rules = compile_profile(load_profile("basic").deviating((family,)))

    assert rules.for_tag(tag_of("StationName"), "SH") == Rule("empty")
    assert rules.for_tag(0x00081099, "LO", known=False) == Rule("empty")


def test_unknown_attributes_and_group_lengths_are_removed() -> None:
    rules = compile_profile(load_profile("high"))

    assert rules.for_tag(0x00189999, "LO", known=False).action == "remove"
    assert rules.for_tag(0x00080000, "UL").action == "remove"
    assert rules.for_tag(0x60003000, "OW").action == "remove"


def test_uids_of_an_own_root_fit_into_sixty_four_characters() -> None:
    root = "1.2.826.0.1.3680043.10.1234567.8901234567.123456"
    uids = UidMap(b"k" * 32, root=root)

    assert len(uids("1.2.3")) <= 64
    assert uids("1.2.3").startswith(root + ".")
    assert uids("1.2.840.10008.1.1") == "1.2.840.10008.1.1"
    assert uids.revised("1.2.3", 1) != uids.revised("1.2.3", 2)
