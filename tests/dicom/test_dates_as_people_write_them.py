"""A birth date is a day in whatever style it was typed."""

from __future__ import annotations

from datetime import date

import pytest

from deidflow.dicom.written_dates import days_meant

DAY = date(1960, 4, 12)


@pytest.mark.parametrize(
    "text",
    [
        "19600412",
        " 19600412 ",
        "1960.04.12",
        "1960-04-12",
        "1960/4/12",
        "1960-04-12T10:00",
        "19600412103000",
        "12 Apr 1960",
        "12. April 1960",
        "April 12, 1960",
        "12th april 1960",
        "12-APR-1960",
        "12 avril 1960",
        "12 abr 1960",
        "12 aprile 1960",
    ],
)
def test_one_day(text: str) -> None:
    assert days_meant(text) == {DAY}


@pytest.mark.parametrize("text", ["04/05/1960", "04.05.1960", "4-5-1960", "04 05 1960", "04051960"])
def test_day_and_month_may_be_either(text: str) -> None:
    assert days_meant(text) == {date(1960, 4, 5), date(1960, 5, 4)}


@pytest.mark.parametrize("text", ["13/05/1960", "05/13/1960", "13051960"])
def test_a_day_above_twelve_decides(text: str) -> None:
    assert days_meant(text) == {date(1960, 5, 13)}


@pytest.mark.parametrize(
    ("word", "month"),
    [
        ("Januar", 1),
        ("févr".replace("é", "e"), 2),
        ("März".replace("ä", "a"), 3),
        ("mei", 5),
        ("giugno", 6),
        ("luglio", 7),
        ("août".replace("û", "u"), 8),
        ("setembro", 9),
        ("outubro", 10),
        ("November", 11),
        ("Dezember", 12),
        ("dicembre", 12),
    ],
)
def test_months_in_seven_languages(word: str, month: int) -> None:
    assert days_meant(f"3 {word} 1960") == {date(1960, month, 3)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "1960",
        "April 1960",
        "19601399",
        "31.02.1960",
        "12.04.60",
        "1/2/3",
        "12 xyz 1960",
    ],
)
def test_what_is_not_a_date(text: str) -> None:
    assert days_meant(text) == frozenset()
