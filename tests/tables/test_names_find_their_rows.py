"""Names as people misspell them, against a table."""

from __future__ import annotations

from datetime import date

import pytest

from benchmarks.matching import KINDS, measure
from deidflow.tables.matching import Who, match_names, match_people

TABLE = dict(
    enumerate(
        [
            "John Robert Smith",
            "Joan Smith",
            "Jürgen Weiß",
            "Nguyen Thi Hoa",
            "Xiaodong Li",
            "Quaasdorff Berta",
            "Petrov Ivan",
            "Anna Maria Berg",
            "Anna Luise Berg",
            "Robert Hansen",
        ]
    )
)


@pytest.mark.parametrize(
    ("written", "row"),
    [
        ("Smith^John^Robert", 0),
        ("SMITH, JHON ROBERT", 0),
        ("Juergen Weiss", 2),
        ("WEISS^JURGEN", 2),
        ("Thi Hoa Nguyen", 3),
        ("Li^Xiao Dong", 4),
        ("Quaasdorff", 5),
        ("Петров^Иван", 6),
        ("Hansen^Rob", 9),
    ],
)
def test_a_name_finds_its_row(written: str, row: int) -> None:
    assert match_names({0: written}, TABLE)[0].row == row


@pytest.mark.parametrize("written", ["Anna Berg", "A. Berg", "Berg"])
def test_a_name_that_two_rows_fit_is_ambiguous(written: str) -> None:
    assert match_names({0: written}, TABLE)[0].how in ("ambiguous", "missing")
    assert match_names({0: written}, TABLE)[0].row is None


@pytest.mark.parametrize("written", ["Karl Huber", "Anonymous", "", "John", "Smith^X"])
def test_a_name_of_nobody_finds_nothing(written: str) -> None:
    assert match_names({0: written}, TABLE)[0].row is None


def test_two_patients_never_share_a_row() -> None:
    matches = match_names({0: "John Robert Smith", 1: "Smith^John R."}, TABLE)

    assert all(match.how == "ambiguous" for match in matches.values())


def test_a_birth_date_decides_between_namesakes() -> None:
    born = date(1950, 1, 1)
    rows = {
        0: Who(frozenset(), "Anna Berg", frozenset([born])),
        1: Who(frozenset(), "Anna Berg", frozenset([date(1970, 2, 2)])),
    }
    match = match_people({0: Who(frozenset(), "Berg^Anna", frozenset([born]))}, rows)[0]

    assert match.row == 0


def test_another_birth_date_makes_an_equal_name_ambiguous() -> None:
    rows = {0: Who(frozenset(), "Anna Berg", frozenset([date(1970, 2, 2)]))}
    sought = {0: Who(frozenset(), "Anna Berg", frozenset([date(1950, 1, 1)]))}

    assert match_people(sought, rows)[0].how == "ambiguous"


def test_a_number_wins_over_the_name_and_survives_a_marriage() -> None:
    rows = {0: Who(frozenset(["4711"]), "Anna Neumann"), 1: Who(frozenset(), "Anna Berg")}

    assert match_people({0: Who(frozenset(["4711"]), "Berg^Anna")}, rows)[0].row == 0


def test_forty_changed_names_against_a_thousand() -> None:
    pytest.importorskip("names")
    counts = measure(seed=7, rows=1000)
    right = sum(counts[kind.__name__]["right"] for kind in KINDS)

    assert right >= 38
    assert not any(counts[kind.__name__]["wrong"] for kind in KINDS)
