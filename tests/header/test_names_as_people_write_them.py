"""Names, birth dates and numbers in other forms than the attribute's; words that stay."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from deidflow.dicom.inventory import read_file
from deidflow.header.text import Scrubber
from tests.headers import anonymizer
from tests.synthetic import as_file, mr_instance


def letters_left(kind: str, value: str, text: str) -> str:
    cleaned = Scrubber.of(((kind, value),)).clean(text)
    return "".join(letter for letter in cleaned if letter.isalnum())


@pytest.mark.parametrize(
    "name", ["Wang^XiaoDong", "Wang^Xiao Dong", "Wang^Xiao-Dong", "WANG^XIAODONG"]
)
@pytest.mark.parametrize(
    "text", ["XiaoDong", "Xiao Dong", "XIAO-DONG", "wang_xiao_dong", "Xiao Dong Wang"]
)
def test_a_given_name_split_or_joined(name: str, text: str) -> None:
    assert letters_left("name", name, text) == ""


@pytest.mark.parametrize("text", ["NG_A", "Ng A", "ng, a.", "A. Ng", "NG^A"])
@pytest.mark.parametrize("name", ["NG^A", "NG^Ah", "Ng^Amy"])
def test_a_name_of_two_letters_beside_the_other_part(name: str, text: str) -> None:
    assert letters_left("name", name, text) == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Иванов^Сергей", "IVANOV^SERGEY"),
        ("Иванов^Сергей", "Ivanow, Sergej"),
        ("Щербаков^Юлия", "Shcherbakov Yuliya"),
        ("Щербаков^Юлия", "Schtscherbakow_Julia"),
        ("Хрущёв^Никита", "Khrushchev Nikita"),
        ("Παπαδόπουλος^Γιώργος", "Papadopoulos Giorgos"),
        ("Παπαδόπουλος^Γιώργος", "PAPADOPOULOS YIORGOS"),
        ("Μπακογιάννη^Ευαγγελία", "Bakogianni Evangelia"),
    ],
)
def test_cyrillic_and_greek_in_latin_letters(name: str, text: str) -> None:
    assert letters_left("name", name, text) == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NG^A", "imaging of a head, 3 ng"),
        ("In^A", "in a scan"),
        ("Wang^Xiao", "wangle xiaoping"),
        ("Anderson^Mary", "hand erson of Maryland"),
        ("Иванов^Сергей", "ivan over serge"),
        ("Smith^J", "T1 SMITHSONIAN"),
    ],
)
def test_ordinary_words_stay(name: str, text: str) -> None:
    assert Scrubber.of((("name", name),)).clean(text) == text


@pytest.mark.parametrize(
    "born", ["17.06.1955", "1955/06/17", "1955-06-17", "17 Jun 1955", "19550617", "17061955"]
)
@pytest.mark.parametrize(
    "text", ["17.06.1955", "1955/6/17", "06/17/1955", "17 June 1955", "19550617"]
)
def test_a_birth_date_that_is_no_da_value(born: str, text: str) -> None:
    assert letters_left("birth", born, text) == ""
    assert Scrubber.of((("birth", born),)).clean("18.06.1955") == "18.06.1955"


@pytest.mark.parametrize("text", ["7880017", "8800171"])
def test_the_number_of_a_name_is_not_taken_out_of_another(text: str) -> None:
    assert letters_left("name", "PLNT-880017", text) == text


def test_the_number_of_a_name_is_taken_out() -> None:
    assert "880017" not in letters_left("name", "PLNT-880017", "t1_880017_b")


def identifiers(header: Dataset, content: bytes | None = None) -> set[tuple[str, str]]:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.dcm").write_bytes(content or as_file(header))
        instance = read_file(Path(folder), "a.dcm").instance
    assert instance is not None
    return set(instance.identifiers)


@pytest.mark.parametrize("charset", [None, "ISO_IR 100", "ISO_IR 144"])
def test_utf8_bytes_under_a_missing_or_wrong_character_set(charset: str | None) -> None:
    header = mr_instance(SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Jörg")
    header.Manufacturer = "ACME for Müller"
    content = as_file(header)
    wrong = (charset or "").ljust(10).encode()
    content = content.replace(b"ISO_IR 192", wrong)
    found = identifiers(header, content)
    assert ("name", "Müller^Jörg") in found
    cleaner = anonymizer("low", scrubber=Scrubber.of(tuple(found)))
    cleaned = b"".join(cleaner.inner.file(content))
    assert "Müller".encode() not in cleaned
    assert b"ACME for" in cleaned


def test_iso_2022_without_its_character_set() -> None:
    raw = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
    content = as_file(mr_instance(PatientName="X" * len(raw))).replace(b"X" * len(raw), raw)
    assert ("name", "Yamada^Tarou=山田^太郎") in identifiers(mr_instance(), content)


def test_an_item_with_a_character_set_of_its_own() -> None:
    item = Dataset()
    item.SpecificCharacterSet, item.PatientName = "ISO_IR 144", "Люксембург^Иван"
    header = mr_instance(SpecificCharacterSet="ISO_IR 100", OtherPatientIDsSequence=[item])
    assert ("name", "Люксембург^Иван") in identifiers(header)


def test_the_own_number_in_numeric_attributes() -> None:
    own = Scrubber.of((("id", "00771204"), ("birth", "17.06.1955")))
    header = mr_instance(
        EchoNumbers=["771204", "2"], RepetitionTime="771204.0", EchoTime="19550617"
    )
    header.NumberOfAverages = "771205"
    cleaned = anonymizer("low", scrubber=own).clean(header)
    assert [int(number) for number in cleaned.EchoNumbers] == [0, 2]
    assert (cleaned.RepetitionTime, cleaned.EchoTime, cleaned.NumberOfAverages) == (0, 0, 771205)


def test_short_numbers_of_a_patient_are_no_physics() -> None:
    own = Scrubber.of((("id", "2000"), ("number", "3")))
    cleaned = anonymizer("low", scrubber=own).clean(
        mr_instance(RepetitionTime="2000", EchoTime="3")
    )
    assert (cleaned.RepetitionTime, cleaned.EchoTime) == (2000, 3)
