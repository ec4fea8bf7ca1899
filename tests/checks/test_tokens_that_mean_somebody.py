"""Which pieces of a text count as somebody else's, and how everybody's are looked up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deidflow.checks.cohort import CohortIndex
from deidflow.checks.person_tokens import tokens_of
from deidflow.checks.tokens import Token, numbers_in, tokens_in
from deidflow.checks.words import fold

KEY = b"a key of the vault"


def texts(kind: str, text: str) -> list[str]:
    """The tokens of one kind in a text."""
    return [token.text for token in tokens_in(fold(text)) if token.kind == kind]


def of_person(kind: str, value: str) -> set[tuple[str, str]]:
    return {(token.kind, token.text) for token in tokens_of(kind, value)}


def index(*identifiers: tuple[str, str], uids: tuple[str, ...] = ()) -> CohortIndex:
    return CohortIndex.of(identifiers, uids, KEY)


def matches(cohort: CohortIndex, text: str) -> set[tuple[str, str]]:
    tokens = list(tokens_in(fold(text)))
    return {(token.kind, token.text) for token in cohort.matches(tokens)}


def test_two_words_side_by_side_are_one_token_in_any_order() -> None:
    assert "neighbour nora" in texts("name", "Nora Neighbour")
    assert "neighbour nora" in texts("name", "NEIGHBOUR, NORA")
    assert "neighbour nora" not in texts("name", "Nora and Neighbour")


def test_a_short_word_is_no_name_of_its_own() -> None:
    assert texts("name", "Nora") == []
    assert texts("name", "Neighbour") == ["neighbour"]


def test_words_of_three_letters_are_doubtful_and_shorter_ones_are_not() -> None:
    assert texts("word", "Wei Ng") == ["wei"]


@pytest.mark.parametrize(
    "pair",
    [
        "A Miller",
        "Jo Ng",
        "von Miller",
        "Miller 7",
        "head brain",
    ],
)
def test_initials_particles_numbers_and_acquisition_make_no_pair(pair: str) -> None:
    paired = [text for text in texts("name", pair) if " " in text]
    assert paired == []


def test_one_word_of_acquisition_beside_a_name_makes_a_pair() -> None:
    assert "head miller" in texts("name", "head miller")


def test_names_in_scripts_without_spaces_are_found_inside_longer_text() -> None:
    stretches = texts("name", "患者山田太郎様")
    assert "山田太郎" in stretches
    assert "山田" in stretches
    assert "患" not in stretches


def test_a_stretch_is_at_most_six_letters() -> None:
    stretches = texts("name", "一二三四五六七八")
    lengths = {len(stretch) for stretch in stretches}
    assert lengths == {2, 3, 4, 5, 6, 8}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id 44719982", {"44719982"}),
        ("id 00044719982", {"44719982"}),
        ("id 4471-9982", {"44719982"}),
        ("id a4471/9982", {"a44719982"}),
        ("id 12345", set()),
        ("abcdef", set()),
        ("abcd12", set()),
        ("abc123", {"abc123"}),
    ],
)
def test_a_number_counts_without_separators_and_leading_zeros(
    text: str, expected: set[str]
) -> None:
    numbers = {token.text for token in numbers_in(text) if token.kind == "number"}
    assert numbers == expected


def test_each_part_of_a_number_with_separators_counts_too() -> None:
    numbers = [token.text for token in numbers_in("123456_7654321")]
    assert {"123456", "7654321"} <= set(numbers)


def test_digits_inside_a_word_count() -> None:
    numbers = {token.text for token in numbers_in("scan123456x")}
    assert numbers == {"scan123456x", "123456"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("of 1.2.276.0.99.1.2 there", ["1.2.276.0.99.1.2"]),
        ("1.2.3.4.5", []),
        ("1.2.840.113619", []),
        ("x1.2.276.0.99.1.2.3", ["1.2.276.0.99.1.2.3"]),
    ],
)
def test_uids_are_found_in_text_from_twelve_characters(text: str, expected: list[str]) -> None:
    uids = [token.text for token in numbers_in(text) if token.kind == "uid"]
    assert uids == expected


def test_a_person_is_each_family_name_with_each_given_name() -> None:
    tokens = of_person("name", "Neighbour Smith^Nora^Ann")
    pairs = {text for kind, text in tokens if kind == "name" and " " in text}
    assert pairs == {
        "neighbour nora",
        "nora smith",
        "ann neighbour",
        "ann smith",
    }


def test_a_name_without_given_names_is_its_words_in_their_order() -> None:
    tokens = of_person("name", "Nora Ann Neighbour")
    assert ("name", "ann nora") in tokens
    assert ("name", "ann neighbour") in tokens
    assert ("name", "neighbour nora") not in tokens


def test_a_person_is_the_name_as_one_word_in_both_directions() -> None:
    tokens = of_person("name", "Ng^Weiping")
    assert ("name", "ngweiping") in tokens
    assert ("name", "weipingng") in tokens


def test_umlauts_are_spelled_in_both_ways() -> None:
    tokens = of_person("name", "Müller^Anna")
    assert ("name", "anna muller") in tokens
    assert ("name", "anna mueller") in tokens


def test_each_group_of_a_name_counts() -> None:
    tokens = of_person("name", "Yamada^Tarou=山田^太郎")
    assert ("name", "tarou yamada") in tokens
    assert ("name", "山田太郎") in tokens


def test_particles_and_words_of_acquisition_are_no_single_words() -> None:
    tokens = of_person("name", "van Head^Miller")
    words = {text for kind, text in tokens if kind == "word"}
    assert words == {"miller"}


def test_placeholders_and_other_kinds_are_nobody() -> None:
    assert of_person("name", "unknown") == set()
    assert of_person("text", "Ypsilanti Clinic") == set()
    assert of_person("birth", "19600412") == set()


def test_a_number_of_a_person_is_also_its_runs_of_digits() -> None:
    assert of_person("id", "AB-123456") == {("number", "ab123456"), ("number", "123456")}
    assert of_person("number", "12345") == set()


def test_everybody_is_found_by_what_means_one_person() -> None:
    cohort = index(
        ("name", "Neighbour^Nora"),
        ("id", "44719982"),
        uids=("1.2.276.0.99.1.2",),
    )
    assert ("name", "neighbour nora") in matches(cohort, "for Nora Neighbour")
    assert ("number", "44719982") in matches(cohort, "no 4471-9982")
    assert ("uid", "1.2.276.0.99.1.2") in matches(cohort, "1.2.276.0.99.1.2")
    assert matches(cohort, "Nora 1234567 1.2.276.0.99.1.3") == {("word", "nora")}


def test_an_empty_index_and_an_empty_question_have_no_matches() -> None:
    assert index().matches([Token("name", "nora neighbour")]) == []
    assert index(("id", "44719982")).matches([]) == []


def test_hashes_are_sorted_and_no_two_are_equal() -> None:
    identifiers = [("id", str(100_000 + number)) for number in range(500)]
    (hashes,) = index(*identifiers, *identifiers).arrays
    assert len(hashes) == 500
    assert (np.diff(hashes.astype(object)) > 0).all()


def test_another_key_finds_nobody() -> None:
    first = index(("id", "44719982"))
    other = CohortIndex(first.arrays, b"another key")
    token = Token("number", "44719982")
    assert first.matches([token]) == [token]
    assert other.matches([token]) == []


def test_a_written_index_is_private_and_mapped_again(tmp_path: Path) -> None:
    paths = [tmp_path / "name.npy", tmp_path / "id.npy"]
    index(("name", "Neighbour^Nora")).save(paths[0])
    index(("id", "44719982")).save(paths[1])

    cohort = CohortIndex.open(paths, KEY)
    assert matches(cohort, "Nora Neighbour 44719982") >= {
        ("name", "neighbour nora"),
        ("number", "44719982"),
    }
    assert all(isinstance(hashes, np.memmap) for hashes in cohort.arrays)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["id.npy", "name.npy"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in paths)


def test_an_index_of_nobody_can_be_written_and_opened(tmp_path: Path) -> None:
    path = tmp_path / "id.npy"
    index().save(path)
    cohort = CohortIndex.open([path], KEY)
    assert cohort.matches([Token("number", "44719982")]) == []


def test_the_index_holds_no_text(tmp_path: Path) -> None:
    path = tmp_path / "name.npy"
    index(("name", "Neighbour^Nora"), ("id", "44719982")).save(path)
    content = path.read_bytes().lower()
    assert b"nora" not in content
    assert b"44719982" not in content
