"""Released names of series, letters, session labels without dates, and how far dates are moved."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from deidflow.identity.letters import with_letters
from deidflow.identity.names import number_of, series_names
from deidflow.identity.persons import Person
from deidflow.identity.secret import Keys
from deidflow.identity.sessions import DatedStudy, label_sessions
from deidflow.identity.shifts import shift_days

KEYS = Keys(b"s" * 32, "default", "low")


def test_letters_start_with_none_and_go_on_with_b() -> None:
    letters = list(with_letters(""))
    assert letters[:3] == ["", "b", "c"]
    assert letters[25:28] == ["z", "aa", "ab"]
    assert letters[-1] == "zz"
    assert len(set(letters)) == len(letters) == 26 + 26 * 26


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("+7", 7), ("-7", -7), ("", 0), ("7.5", 0), ("x", 0), ("--", 0)],
)
def test_a_number_that_is_none_is_zero(text: str, number: int) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize(
    ("number", "modality", "name"),
    [
        ("3", "MR", "003-MR"),
        ("1301", "CT", "1301-CT"),
        ("-3", "MR", "003-MR"),
        ("", "MR", "000-MR"),
        ("3", "", "003-OT"),
        ("3", "Zimmerquast", "003-OT"),
        ("3", "M", "003-OT"),
        ("3", "MR/../x", "003-OT"),
    ],
)
def test_a_series_is_named_by_number_and_modality_only(
    number: str, modality: str, name: str
) -> None:
    assert series_names([(number, modality)]) == [name]


def test_series_of_one_number_are_told_apart_by_letters() -> None:
    assert series_names([("3", "MR")] * 3 + [("3", "CT")]) == [
        "003-MR",
        "003b-MR",
        "003c-MR",
        "003-CT",
    ]


def test_many_series_of_one_number_have_different_names() -> None:
    names = series_names([("3", "MR")] * 60)
    assert names[26] == "003aa-MR"
    assert len(set(names)) == 60


def test_studies_without_dates_count_from_the_start_in_keyed_order() -> None:
    studies = [DatedStudy(b"2", None), DatedStudy(b"1", None)]
    labels, anchor = label_sessions(studies, {}, None)
    assert labels == {b"1": "M00", b"2": "M00b"}
    assert anchor is None


def test_a_study_without_a_date_comes_after_those_with_one() -> None:
    studies = [DatedStudy(b"1", None), DatedStudy(b"2", date(2020, 1, 1))]
    labels, anchor = label_sessions(studies, {}, None)
    assert labels == {b"2": "M00", b"1": "M00b"}
    assert anchor == date(2020, 1, 1)


def test_labels_of_other_published_sessions_are_not_given_again() -> None:
    fixed = {b"published": "M00", b"another": "M00b"}
    studies = [DatedStudy(b"new", date(2020, 1, 2))]
    labels, _ = label_sessions(studies, fixed, date(2020, 1, 1))
    assert labels == fixed | {b"new": "M00c"}


def person(key: str, *dates: date) -> Person:
    return Person(key, {}, frozenset(dates), {})


def test_a_shift_depends_on_patient_secret_and_level_only() -> None:
    days = shift_days(KEYS, person("a", date(2020, 1, 1)))
    assert days == shift_days(KEYS, person("a", date(2020, 6, 1)))

    others = [
        shift_days(KEYS, person("b")),
        shift_days(Keys(b"t" * 32, "default", "low"), person("a")),
        shift_days(Keys(b"s" * 32, "default", "high"), person("a")),
        shift_days(Keys(b"s" * 32, "trial", "low"), person("a")),
    ]
    assert days not in others


def test_shifts_spread_over_five_years() -> None:
    shifts = [shift_days(KEYS, person(str(number))) for number in range(400)]
    assert min(shifts) < -1700
    assert max(shifts) > -125
    assert all(-1825 <= days <= -1 for days in shifts)


def test_a_shift_that_hits_another_date_is_drawn_again() -> None:
    first = date(2020, 1, 1)
    days = shift_days(KEYS, person("a", first))
    hit = first + timedelta(days=days)
    redrawn = shift_days(KEYS, person("a", first, hit))
    assert redrawn != days


def test_a_patient_with_a_date_on_every_day_has_a_shift_all_the_same() -> None:
    start = date(2010, 1, 1)
    every_day = [start + timedelta(days=number) for number in range(1900)]
    assert -1825 <= shift_days(KEYS, person("a", *every_day)) <= -1
