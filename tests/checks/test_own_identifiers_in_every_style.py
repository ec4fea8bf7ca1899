"""The patient's own identifiers are found however they are written, and nothing else is."""

from __future__ import annotations

import pytest

from deidflow.checks.number_patterns import day_of
from deidflow.checks.own import LEAST_IN_BINARY, OwnIdentifiers
from deidflow.checks.words import fold


def kinds(kind: str, value: str, text: str) -> list[str]:
    own = OwnIdentifiers.of([(kind, value)])
    return list(own.kinds_in(fold(text)))


def kinds_in_binary(kind: str, value: str, text: str) -> list[str]:
    own = OwnIdentifiers.of([(kind, value)])
    return list(own.kinds_in_binary(fold(text)))


@pytest.mark.parametrize(
    "text",
    [
        "Zimmerquast",
        "ZIMMERQUAST_8ch",
        "xzimmerquastx",
        "for Adelheid",
        "Jo Zimmerquast",
        "zimmerquastjo",
    ],
)
def test_a_name_is_found_by_its_parts(text: str) -> None:
    assert kinds("name", "Zimmerquast^Adelheid^Jo", text) == ["name"]


@pytest.mark.parametrize("text", ["", "Jo", "Zimmer quast", "Adel", "Zimmerquas"])
def test_less_than_a_part_of_a_name_is_nobody(text: str) -> None:
    assert kinds("name", "Zimmerquast^Adelheid^Jo", text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kim", ["name"]),
        ("kim-1", ["name"]),
        ("kim_8ch", ["name"]),
        ("kimono", []),
        ("akim", []),
    ],
)
def test_a_short_part_must_stand_alone(text: str, expected: list[str]) -> None:
    assert kinds("name", "Kim^Li", text) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Ng^Wu", "Ng", []),
        ("Ng^Wu", "Ng Wu", ["name"]),
        ("Ng^Wu", "wu,ng", ["name"]),
        ("Ng^Wu", "wung", ["name"]),
        ("Ng^Wu", "wungx", []),
        ("Ng^A", "Ng A", []),
    ],
)
def test_two_short_parts_side_by_side_are_a_name_but_initials_are_not(
    name: str, text: str, expected: list[str]
) -> None:
    assert kinds("name", name, text) == expected


@pytest.mark.parametrize(
    "text", ["o'neill", "ONeill", "o neill", "Smith-Jones", "smithjones", "Jones"]
)
def test_a_compound_name_is_found_whole_and_in_pieces(text: str) -> None:
    assert kinds("name", "O'Neill^Smith-Jones", text) == ["name"]


def test_a_name_in_camel_case_is_paired_by_its_humps() -> None:
    assert kinds("name", "XuDongMei^Li", "Dong Mei") == ["name"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Müller^Jörg", "mueller"),
        ("Müller^Jörg", "MULLER"),
        ("Иванов^Сергей", "Иванов"),
        ("Иванов^Сергей", "ivanov"),
        ("山田^太郎", "患者山田様"),
        ("山田^太郎", "山田太郎"),
    ],
)
def test_a_name_is_found_in_other_letters(name: str, text: str) -> None:
    assert kinds("name", name, text) == ["name"]


@pytest.mark.parametrize("name", ["", "^", "unknown", "HEAD^BRAIN", "^^^"])
def test_a_name_that_is_nobody_has_no_pattern(name: str) -> None:
    assert OwnIdentifiers.of([("name", name)]).patterns == ()


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ("00771204", "771204", ["number"]),
        ("00771204", "00771204", ["number"]),
        ("00771204", "0-0-77/12 04", ["number"]),
        ("00771204", "771204x", ["number"]),
        ("00771204", "7712045", []),
        ("00771204", "1771204", []),
        ("AB-99-17", "ab9917", ["number"]),
        ("AB-99-17", "ab.99.17", ["number"]),
        ("AB-99-17", "xab9917", []),
        ("1301", "1301", ["number"]),
        ("1301", "13 01", []),
        ("0012", "0012", ["number"]),
        ("0012", "12", []),
        ("12", "12", []),
        ("000", "000", ["number"]),
    ],
)
def test_a_number_is_found_however_it_is_separated(
    value: str, text: str, expected: list[str]
) -> None:
    assert kinds("number", value, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "19600412",
        "12041960",
        "1960-04-12",
        "1960/4/12",
        "12.4.1960",
        "04_12_1960",
        "born 12 04 1960.",
    ],
)
def test_a_date_is_found_in_every_order(text: str) -> None:
    assert kinds("date", "19600412", text) == ["date"]


@pytest.mark.parametrize("text", ["1960", "119600412", "1960-04-123", "12.4.60", "1960-05-12"])
def test_what_is_not_the_date_is_not_found(text: str) -> None:
    assert kinds("date", "19600412", text) == []


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("19600412", "19600412"),
        (" 1960.04.12 ", "19600412"),
        ("19000101", ""),
        ("19700101", ""),
        ("19601312", ""),
        ("19600400", ""),
        ("19600432", ""),
        ("1960-04-12", ""),
        ("196004", ""),
        ("", ""),
    ],
)
def test_a_day_is_a_date_of_the_calendar_and_no_placeholder(value: str, day: str) -> None:
    assert day_of(value) == day


def test_days_of_every_kind_of_date_are_collected() -> None:
    own = OwnIdentifiers.of(
        [
            ("birth", "19600412"),
            ("date", "2020.05.06"),
            ("date", "19000101"),
            ("number", "20100101"),
        ]
    )
    assert own.days == {"19600412", "20200506"}


def test_a_date_in_words_is_found_as_it_is_written() -> None:
    assert kinds("birth", "17 Jun 1955", "b. 17_jun_1955") == ["birth"]
    assert kinds("birth", "17 Jun 1955", "17061955") == []


@pytest.mark.parametrize("value", ["1955", "June", "196004", "12345678"])
def test_a_date_with_few_digits_or_only_digits_identifies_nobody(value: str) -> None:
    assert OwnIdentifiers.of([("birth", value)]).patterns == ()


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ("Ypsilanti Clinic", "at ypsilanti  clinic", ["text"]),
        ("Ypsilanti Clinic", "ypsilanti_clinic", ["text"]),
        ("Ypsilanti Clinic", "ypsilanti", []),
        ("KH", "kh", []),
    ],
)
def test_another_text_is_found_as_a_phrase(value: str, text: str, expected: list[str]) -> None:
    assert kinds("text", value, text) == expected


def test_short_words_do_not_count_in_binary() -> None:
    assert kinds("name", "Kuhn^Abc", "kuhn") == ["name"]
    assert kinds_in_binary("name", "Kuhn^Abc", "kuhn") == []
    assert kinds_in_binary("name", "Kuhn^Abc", "kuhn abc") == ["name"]
    assert kinds_in_binary("name", "Zimmerquast", "zimmerquast") == ["name"]


def test_a_number_in_binary_needs_the_same_length() -> None:
    short = "1" * (LEAST_IN_BINARY - 1)
    long = "1" * LEAST_IN_BINARY
    assert kinds_in_binary("number", short, short) == []
    assert kinds_in_binary("number", long, long) == ["number"]


def test_several_values_of_one_kind_make_one_pattern() -> None:
    own = OwnIdentifiers.of([("id", "771204"), ("id", "AB-99-17"), ("name", "Zimmerquast")])
    assert [kind for kind, _ in own.patterns] == ["id", "name"]
    assert list(own.kinds_in("771204 of zimmerquast")) == ["id", "name"]


def test_characters_of_patterns_in_values_are_taken_literally() -> None:
    assert kinds("text", "Clinic (a+b)", "clinic (a+b)") == ["text"]
    assert kinds("text", "Clinic (a+b)", "clinic aab") == []
    assert kinds("name", "Zimm[er^Qu*st", "zimm[er") == ["name"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("880017", ["name"]),
        ("PLNT_880017", ["name"]),
        ("t1-880017-b", ["name"]),
        ("0.7880017", []),
        ("8800171", []),
    ],
)
def test_the_number_of_a_name_is_a_number_of_its_own(text: str, expected: list[str]) -> None:
    assert kinds("name", "PLNT-880017", text) == expected


DIGEST = "a67fea6f1bc949bcceac52d5ce2ee2f5bd600e74880017d4bacb53ba9b45c68e"


@pytest.mark.parametrize("kind", ["name", "number"])
@pytest.mark.parametrize("value", ["PLNT-880017", "PLNT 880017", "fea-6"])
def test_a_part_of_a_digest_is_nobody(kind: str, value: str) -> None:
    line = f"{DIGEST}  P001/M00/001-MR/image.nii.gz"

    assert kinds_in_binary(kind, value, line) == []


@pytest.mark.parametrize("text", [DIGEST, DIGEST.upper(), f"id:{DIGEST}", f"{DIGEST[:20]}-880017"])
def test_a_digest_that_is_somebodys_number_is_found(text: str) -> None:
    value = DIGEST if "-" not in text else "880017"

    assert kinds("number", value, text) == ["number"]
