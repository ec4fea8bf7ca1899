"""Which written names can be one person's, and which cannot."""

from __future__ import annotations

import pytest

from deidflow.dicom.demographics import Demographics
from deidflow.dicom.person_names import (
    fold,
    is_generic,
    is_unspaced,
    name_words,
    romanised,
    same_name,
    spellings,
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("MÜLLER", "muller"),
        ("Łukasz", "lukasz"),
        ("Ångström", "angstrom"),
        ("Straße", "strasse"),
        ("Ørsted", "orsted"),
        ("ÆBLE", "aeble"),
        ("Dvořák", "dvorak"),
        ("İnan", "inan"),
        ("김", "김"),
        ("Ёлкин", "елкин"),
    ],
)
def test_marks_and_case_are_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("Smith", {"smith"}),
        ("Müller", {"muller", "mueller"}),
        ("Mueller", {"mueller", "muller"}),
        ("Aagaard", {"aagaard", "agard"}),
        ("Goethe", {"goethe", "gothe"}),
    ],
)
def test_umlauts_may_be_spelled_out(name: str, forms: set[str]) -> None:
    assert set(spellings(name)) == forms


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DOE^JANE^^Dr.", ("doe", "jane", "dr")),
        ("Meyer-Schulz, Anna", ("meyer", "schulz", "anna")),
        ("O'Brien^Pat", ("o", "brien", "pat")),
        ("  ", ()),
        ("123^Anna", ("anna",)),
    ],
)
def test_words_of_a_name(name: str, words: tuple[str, ...]) -> None:
    assert name_words(name) == words


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("DOE^JANE", "Jane Doe"),
        ("DOE^JANE", "DOE^JANE^MARIE"),
        ("DOE^JANE", "DOE^J"),
        ("DOE^JANE", "DOE"),
        ("MÜLLER^ANNA", "Mueller, Anna"),
        ("MEYER-SCHULZ^ANNA", "Meyerschulz^Anna"),
        ("O'BRIEN^PAT", "OBrien^Pat"),
        ("VAN DER BERG^JAN", "Vanderberg^Jan"),
        ("Иванов^Пётр", "Ivanov^Pyotr"),
        ("Παπαδόπουλος^Νίκος", "Papadopoulos^Nikos"),
        ("Yamada^Tarou=山田^太郎", "山田^太郎"),
        ("", "DOE^JANE"),
        ("Anonymous", "DOE^JANE"),
        ("UNKNOWN^PATIENT", "DOE^JANE"),
    ],
)
def test_spellings_of_one_name(name: str, other: str) -> None:
    assert same_name(name, other)
    assert same_name(other, name)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("DOE^JANE", "ROE^JANE"),
        ("DOE^JANE", "DOE^MARY"),
        ("DOE^JANE", "DOE^M"),
        ("山田^太郎", "山田^花子"),
        ("Иванов^Пётр", "Ivanov^Sergei"),
        ("김", "이"),
    ],
)
def test_names_of_two_persons(name: str, other: str) -> None:
    assert not same_name(name, other)
    assert not same_name(other, name)


@pytest.mark.parametrize("name", ["", "^^", "Anonymous", "TEST^PATIENT", "xxx", "12345"])
def test_names_that_stand_for_nobody(name: str) -> None:
    assert is_generic(name)


@pytest.mark.parametrize("name", ["DOE", "Test^Anna", "김"])
def test_names_that_stand_for_somebody(name: str) -> None:
    assert not is_generic(name)


def test_scripts_without_spaces() -> None:
    assert is_unspaced("山田")
    assert not is_unspaced("山a")
    assert not is_unspaced("")
    assert not is_unspaced("doe")


def test_a_letter_may_have_several_latin_forms_or_none() -> None:
    rows = romanised("ель")

    assert rows is not None
    assert len(rows) == 3
    assert "" in rows[-1]


def test_names_in_latin_letters_are_not_romanised() -> None:
    assert romanised("doe") is None
    assert romanised("山田") is None


# demographics


ANNE = Demographics("1", "", "MARTIN^ANNE", "19500101", "F")


@pytest.mark.parametrize(
    ("changes", "contradicts"),
    [
        ({"name": "DUPONT^PAUL"}, False),
        ({"name": "DUPONT^PAUL", "birth_date": "19800101"}, True),
        ({"name": "DUPONT^PAUL", "sex": "M"}, True),
        ({"name": "DUPONT^PAUL", "sex": "O"}, False),
        ({"name": "DUPONT^PAUL", "birth_date": "01.01.1950"}, False),
        ({"name": "DUPONT^PAUL", "birth_date": "19000101"}, False),
        ({"name": "DUPONT^PAUL", "birth_date": "soon"}, False),
        ({"birth_date": "19800101", "sex": "M"}, False),
        ({"name": "", "birth_date": "19800101", "sex": "M"}, False),
    ],
)
def test_two_persons_differ_in_name_and_in_birth_or_sex(
    changes: dict[str, str], contradicts: bool
) -> None:
    other = ANNE._replace(**changes)

    assert ANNE.contradicts(other) is contradicts
    assert other.contradicts(ANNE) is contradicts


@pytest.mark.parametrize(
    ("changes", "agrees"),
    [
        ({}, True),
        ({"name": "Anne Martin"}, True),
        ({"birth_date": ""}, True),
        ({"birth_date": "19800101"}, False),
        ({"name": ""}, False),
        ({"name": "Anonymous"}, False),
        ({"name": "DUPONT^PAUL"}, False),
    ],
)
def test_one_person_agrees_in_name_and_birth(changes: dict[str, str], agrees: bool) -> None:
    assert ANNE.agrees(ANNE._replace(**changes)) is agrees
