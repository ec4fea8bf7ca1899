"""Lines of text in pixels: the patient's own, what nobody knows, and what says nothing."""

from __future__ import annotations

import pytest

from deidflow.burned.reader import TextLine
from deidflow.burned.wording import PAGE, VOLUME, Meaning, is_harmless, meaning_of
from deidflow.header.text import Scrubber

PATIENT = Scrubber.of([("name", "Head^Adelheid"), ("id", "77120"), ("birth", "19600412")])


def line(text: str, score: float = 0.9) -> TextLine:
    return TextLine(text, score, top=3, left=4, rows=12, columns=80)


@pytest.mark.parametrize(
    "text",
    [
        "R", "L", "AL", "LPI", "A P", "5 cm", "100mm", "W 400 L 40", "WW: 1500 WL: -600", "120 kVp", "2D-100%", "TIS:0.5",
        "T1 AX FLAIR", "b1000", "Zoom 1.5x", "Im: 12/40", "Sag Liver L-M", "19fps", "H4.00 MHz", "HFS", "SIEMENS", "0.9", "+", "LiverR5cm",
    ],
)  # fmt: skip
def test_scales_sides_and_settings_say_nothing(text: str) -> None:
    assert is_harmless(text)


@pytest.mark.parametrize(
    "text",
    [
        "Miller, Anna", "MILLER^ANNA", "ID: 1234567", "MRN4711", "1980-01-02", "02.01.1980", "8:48:26AM 4/14/2020", "12:34:56",
        "St. Mary Hospital", "Dr. Novak", "Dr. L", "Li", "AALI", "1980", "W 47110", "AB 4711", "A123B456", "LiverNovak", "3/3/4", "Иванов", "王小明", "T1 AX Kim",
    ],
)  # fmt: skip
def test_names_numbers_and_dates_are_not_known_to_be_harmless(text: str) -> None:
    assert not is_harmless(text)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("HEAD", Meaning.OWN),
        ("Adelheid H", Meaning.OWN),
        ("No 77120", Meaning.OWN),
        ("12.04.1960", Meaning.OWN),
        ("Brain", Meaning.HARMLESS),
        ("Novak", Meaning.UNKNOWN),
    ],
)
def test_the_patient_comes_first_also_by_a_name_that_is_a_word(text: str, meaning: Meaning) -> None:
    assert meaning_of(line(text), PATIENT, PAGE) is meaning


def test_texture_in_a_volume_is_not_text() -> None:
    assert meaning_of(line("八", 0.43), PATIENT, VOLUME) is Meaning.HARMLESS
    assert meaning_of(line("QZ"), PATIENT, VOLUME) is Meaning.HARMLESS
    assert meaning_of(line("QZ"), PATIENT, PAGE) is Meaning.UNKNOWN


def test_a_rule_knows_the_texts_of_its_device() -> None:
    patterns = ["MapE/ST[0-9]", "Adv Breast"]
    assert meaning_of(line("Map E/ST2"), PATIENT, PAGE, patterns) is Meaning.HARMLESS
    assert meaning_of(line("AdvBreast"), PATIENT, PAGE, patterns) is Meaning.HARMLESS
    assert meaning_of(line("Adv Breast Novak"), PATIENT, PAGE, patterns) is Meaning.UNKNOWN
    assert meaning_of(line("Adelheid"), PATIENT, PAGE, ["Adelheid"]) is Meaning.OWN
