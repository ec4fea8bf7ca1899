"""Text folded for comparing, in every character set; readable runs in binary."""

from __future__ import annotations

import pytest

from deidflow.checks.text import runs_of, texts_of, values_of
from deidflow.checks.words import (
    common_words,
    fold,
    in_latin_letters,
    is_common,
    is_unspaced,
    readable,
    spellings,
    words_of,
)
from tests.checks.conftest import element

COIL_NAME = 0x00181250


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ZIMMERQUAST", "zimmerquast"),
        ("Müller", "muller"),
        ("Ångström", "angstrom"),
        ("Weiß", "weiss"),
        ("Łukasz Søren Đorđe", "lukasz soren dorde"),
        ("Æsop Œuvre", "aesop oeuvre"),
        ("ＫＩＭ", "kim"),
        ("Иванов Й", "иванов и"),
        ("ΠΑΠΑΔΟΠΟΥΛΟΣ", "παπαδοπουλοσ"),
        ("Παπαδόπουλος", "παπαδοπουλοσ"),
        ("e\u0301", "e"),
    ],
)
def test_text_is_compared_without_case_and_diacritics(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_folding_again_changes_nothing() -> None:
    for text in ("Müller-Weiß", "山田太郎", "ΠΑΠΑΔΟΠΟΥΛΟΣ", "Łukasz"):
        assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Müller", {"muller", "mueller"}),
        ("Sørensen", {"sorensen", "soerensen"}),
        ("Åberg", {"aberg", "aaberg"}),
        ("Doe", {"doe"}),
    ],
)
def test_umlauts_have_two_spellings(name: str, expected: set[str]) -> None:
    assert spellings(name) == expected


def test_words_are_divided_by_all_but_letters_and_digits() -> None:
    assert words_of("t1_mprage, sag-8ch (山田)") == ["t1", "mprage", "sag", "8ch", "山田"]
    assert words_of("__ --") == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("山田", True),
        ("たろう", True),
        ("김", True),
        ("yamada", False),
        ("山田a", False),
        ("", False),
    ],
)
def test_scripts_without_spaces_are_known(word: str, expected: bool) -> None:
    assert is_unspaced(word) is expected


def test_only_cyrillic_and_greek_words_have_latin_letters() -> None:
    assert in_latin_letters("иванов")
    assert in_latin_letters("παπαδοπουλοσ")
    assert in_latin_letters("ivanov") == ""
    assert in_latin_letters("иванов1") == ""
    assert in_latin_letters("") == ""


@pytest.mark.parametrize("text", ["T1 MPRAGE", "head, BRAIN", "unknown", "", "--"])
def test_words_of_acquisition_and_placeholders_are_common(text: str) -> None:
    assert is_common(text)


@pytest.mark.parametrize("text", ["Zimmerquast", "head Zimmerquast", "771204"])
def test_one_other_word_makes_a_text_uncommon(text: str) -> None:
    assert not is_common(text)


def test_common_words_are_single_and_folded() -> None:
    assert all(word == word.casefold() and " " not in word for word in common_words())


def test_runs_of_four_printable_characters_are_readable() -> None:
    assert list(readable(b"\x01abcd\x02efg\x03hijkl\0")) == ["abcd", "hijkl"]


def test_bytes_beyond_ascii_are_read_in_two_ways() -> None:
    runs = list(readable("Müller".encode()))
    assert runs == ["MÃ¼ller", "Müller"]
    latin = readable("Müller".encode("latin-1"))
    assert next(latin) == "Müller"


@pytest.mark.parametrize("shift", [0, 1])
def test_two_bytes_per_character_are_read_at_any_offset(shift: int) -> None:
    raw = bytes(shift) + "Zimmerquast".encode("utf-16-le") + b"\0\0"
    assert "Zimmerquast" in list(readable(raw))


def test_nothing_is_read_in_noise() -> None:
    assert list(readable(bytes(range(32)) * 4)) == []
    assert list(readable(b"")) == []


def texts(raw: bytes, charset: bytes = b"", vr: bytes = b"SH") -> list[str]:
    return list(texts_of(element(COIL_NAME, vr, raw, charset=charset)))


def test_ascii_text_is_read_once_without_padding() -> None:
    assert texts(b"coil \0") == ["coil"]
    assert texts(b" coil\\8ch ") == [" coil\\8ch"]
    assert texts(b"") == [""]


def test_text_beyond_ascii_is_read_as_declared_as_utf_8_and_as_latin_1() -> None:
    raw = "Müller".encode()
    assert texts(raw, b"ISO_IR 192") == ["Müller", "Müller", "MÃ¼ller"]
    assert texts(raw, b"ISO_IR 100") == ["MÃ¼ller", "Müller", "MÃ¼ller"]


def test_an_escape_sequence_switches_the_character_set() -> None:
    raw = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
    assert texts(raw, b"\\ISO 2022 IR 87", b"PN")[0] == "Yamada^Tarou=山田^太郎"


@pytest.mark.filterwarnings("ignore:Unknown encoding")
@pytest.mark.parametrize("charset", [b"NONSENSE", b"\xff\xfe", b"ISO_IR 999"])
def test_an_unknown_character_set_is_read_all_the_same(charset: bytes) -> None:
    assert "Müller" in texts("Müller".encode("latin-1"), charset)


@pytest.mark.parametrize("vr", [b"OB", b"UI", b"DS", b"DA", b"US"])
def test_other_vrs_hold_no_text(vr: bytes) -> None:
    assert texts(b"Zimmerquast", vr=vr) == []


@pytest.mark.parametrize(
    ("vr", "raw", "runs"),
    [
        (b"OB", b"\x01Zimmerquast\0", ["Zimmerquast"]),
        (b"UN", b"Zimmerquast", ["Zimmerquast"]),
        (b"FD", b"Quast123", []),
        (b"LO", b"Zimmerquast", []),
    ],
)
def test_binary_values_of_more_than_one_number_have_runs(
    vr: bytes, raw: bytes, runs: list[str]
) -> None:
    assert list(runs_of(element(0x00291001, vr, raw))) == runs


def test_values_are_divided_by_backslashes() -> None:
    assert values_of(b"1.2\\3.4\0") == ["1.2", "3.4"]
    assert values_of(b"") == [""]
