"""Series get names of their own, however many there are and whatever their numbers are."""

from __future__ import annotations

import re

import pytest

from deidflow.identity.names import number_of, series_names

NAME = re.compile(r"\d{3,}[a-z]{0,2}-[A-Z]{2,8}")


def test_a_thousand_series_of_one_number_have_names_of_their_own() -> None:
    names = series_names([("5", "MR")] * 1_000)
    assert len(set(names)) == 1_000
    assert names[:2] == ["005-MR", "005b-MR"]
    assert all(NAME.fullmatch(name) for name in names)


@pytest.mark.parametrize("text", ["²", "1e3", "", "٣ ", "1" * 5_000, "--1"])
def test_what_is_not_an_integer_string_counts_as_zero(text: str) -> None:
    assert number_of(text) == 0


def test_signs_are_read() -> None:
    assert (number_of("-7"), number_of("+7"), number_of("0012")) == (-7, 7, 12)
