"""Consent lists as hospitals write them, and the patients whom they allow: in doubt nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.consent.allow_list import Consent, ListedPerson, read_allow_list
from deidflow.consent.judgement import refusals
from deidflow.dicom.demographics import Demographics
from deidflow.errors import ConfigError
from deidflow.settings.consent import ConsentSettings
from deidflow.verdicts import Reason

NO, UNSURE = Reason.NO_CONSENT, Reason.CONSENT_AMBIGUOUS


def patient(number: str, name: str = "", birth: str = "", issuer: str = "") -> Demographics:
    return Demographics(number, issuer, name, birth, "")


def judged(
    tmp_path: Path, text: str, *patients: Demographics, protocol: str = "", threshold: float = 0.0
) -> list[Reason | None]:
    """Why each patient may not go on, by a list with these lines."""
    path = tmp_path / "list.csv"
    path.write_text(text)
    settings = ConsentSettings(list=path, protocol=protocol)
    reasons = refusals(patients, read_allow_list(settings, path), threshold)
    return [reasons.get(one) for one in patients]


def test_ids_however_they_are_written(tmp_path: Path) -> None:
    text = "PatientID\n00712\nab-31\n"
    patients = [patient("712"), patient("AB 31"), patient("713"), patient(""), patient("", "Doe^J")]
    assert judged(tmp_path, text, *patients) == [None, None, NO, NO, NO]


def test_names_in_any_order_and_spelling(tmp_path: Path) -> None:
    text = "Nachname;Vorname\nMüller;Anna-Lena\nde la Cruz;Inés\n"
    patients = [
        patient("1", "MUELLER^ANNA LENA"),
        patient("2", "DE LA CRUZ^INES"),
        patient("3", "MUELLER^ANNA"),
        patient("4", "MUELLAR^ANNA LENA"),
        patient("5", "Anonymous"),
    ]
    assert judged(tmp_path, text, *patients) == [None, None, NO, NO, NO]
    assert judged(tmp_path, text, *patients[3:], threshold=0.2) == [None, NO]


@pytest.mark.parametrize(
    ("text", "patients"),
    [
        ("name\nJohn Doe\n", [patient("1", "Doe^John"), patient("2", "DOE^JOHN")]),
        (
            "name\nJohn Doe\n",
            [patient("", "Doe^John", "19600101"), patient("", "Doe^John", "19710305")],
        ),
        ("id\n7\n", [patient("007", "Doe^John", "19500203"), patient("7", "Roe^Jane", "19610304")]),
        ("id\n7\n", [patient("7", "Doe^John", "19500203"), patient("7", "Roe^Jane", "19610304")]),
        ("id,name\n7,Jane Roe\n", [patient("7", "Doe^John")]),
        ("id,name,dob\n9,John Doe,1950-02-03\n", [patient("7", "Doe^John", "19500203")]),
        ("id,consent\n7,yes\n7,no\n", [patient("7")]),
        ("id,name\n7,John Doe\n7,Jane Roe\n", [patient("7", "Doe^John")]),
    ],
    ids=[
        "two patients of one listed name",
        "two birth dates under one name",
        "two numbers that are one in the list",
        "two persons under one number",
        "the number stands beside another name",
        "the name stands beside another number",
        "rows that contradict each other",
        "two persons in the list under one number",
    ],
)
def test_in_doubt_nobody_goes_on(tmp_path: Path, text: str, patients: list[Demographics]) -> None:
    reasons = judged(tmp_path, text, *patients)
    assert set(reasons) <= {NO, UNSURE}
    assert UNSURE in reasons


def test_a_namesake_and_a_second_number_are_no_doubt(tmp_path: Path) -> None:
    text = "name,dob\nJohn Doe,1950-02-03\n"
    namesake = patient("1", "Doe^John", "19700809")
    twice = [patient("2", "Doe^John", "19500203"), patient("3", "Doe^John", "19500203")]
    assert judged(tmp_path, text, namesake, *twice) == [NO, None, None]
    numbered = "id,name\n2,John Doe\n"
    assert judged(tmp_path, numbered, patient("2", "Doe^John"), patient("2", "Doe^J")) == [
        None,
        None,
    ]


def test_answers_withdrawals_and_protocols_count(tmp_path: Path) -> None:
    text = (
        "id,consent,withdrawn,protocol\n"
        '1,yes,,"EK-2021; EK-2024"\n'
        "2,nein,,EK-2024\n"
        "3,ja,2024-03-01,EK-2024\n"
        "4,x,no,*\n"
        "5,yes,,EK-2021\n"
        "6,yes,,\n"
        "7,,,EK-2024\n"
    )
    patients = [patient(str(number)) for number in range(1, 8)]
    assert judged(tmp_path, text, *patients, protocol="ek-2024") == [None, NO, NO, None, NO, NO, NO]
    with pytest.raises(ConfigError, match=r"consent\.protocol"):
        judged(tmp_path, text, *patients)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("4711\n4712\n", "no column is known to hold IDs or names"),
        ("id,consent\n1,perhaps\n", "line 2: the answer in column 'consent' is neither yes nor no"),
        ("id\n", "no rows below its header"),
    ],
)
def test_a_list_that_is_not_understood_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        judged(tmp_path, text, patient("1"))
    assert "consent.list" in str(error.value)
    assert "4711" not in str(error.value)


@pytest.mark.parametrize(
    "column",
    [
        "Consent (Y/N)",
        "Einwilligung liegt vor",
        "Zustimmung (ja/nein)",
        "ICF signed",
        "Broad consent",
    ],
)
def test_an_answer_under_another_name_is_not_overlooked(tmp_path: Path, column: str) -> None:
    listed = f"PatientID;{column}\n1001;ja\n1002;nein\n1003;\n1004;12.05.2024\n"
    allowed = [Consent.GIVEN, Consent.REFUSED, Consent.REFUSED, Consent.GIVEN]

    assert [person.consent for person in people_on(tmp_path, listed)] == allowed


@pytest.mark.parametrize(
    "column",
    ["Widerruf am", "Consent withdrawn on", "Datum Widerruf", "Zurückgezogen", "Consent refused"],
)
def test_a_withdrawal_under_another_name_is_not_overlooked(tmp_path: Path, column: str) -> None:
    listed = f"PatientID;Einwilligung;{column}\n1001;ja;\n1002;ja;12.05.2024\n1003;ja;nein\n"
    allowed = [Consent.GIVEN, Consent.REFUSED, Consent.GIVEN]

    assert [person.consent for person in people_on(tmp_path, listed)] == allowed


@pytest.mark.parametrize("cells", [("ja", "nein"), ("active", "withdrawn"), ("y", "n")])
def test_a_refusal_under_an_unknown_name_is_asked_about(
    tmp_path: Path, cells: tuple[str, str]
) -> None:
    with pytest.raises(ConfigError, match="column 'Status' says no"):
        people_on(tmp_path, f"PatientID;Status\n1;{cells[0]}\n2;{cells[1]}\n")


def test_columns_that_say_nothing_of_consent_are_left_alone(tmp_path: Path) -> None:
    listed = "PatientID;Consent;Consent version;Contrast;Group\n1;yes;v2;no;0\n2;yes;v2;yes;1\n"

    assert {person.consent for person in people_on(tmp_path, listed)} == {Consent.GIVEN}


def people_on(tmp_path: Path, listed: str) -> tuple[ListedPerson, ...]:
    """The persons of a list with this text."""
    path = tmp_path / "list.csv"
    path.write_text(listed, encoding="utf-8")
    return read_allow_list(ConsentSettings(), path)
