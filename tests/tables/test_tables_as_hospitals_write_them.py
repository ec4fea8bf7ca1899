"""Encodings, delimiters, dates and column types."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.errors import ConfigError, UsageError
from deidflow.settings.tables import ColumnSettings
from deidflow.tables.cells import limited_age
from deidflow.tables.columns import Role, columns_of
from deidflow.tables.dates import DateOrder, date_order_of, read_moment
from deidflow.tables.free_text import with_limited_ages, without_contacts
from deidflow.tables.reading import Table, read_table
from deidflow.tables.writing import guarded

TEXT = "Name;Größe;Ort\nMüller, Jörg;1,80;Köln\nŠvec, Jiří;1,75;Ústí\n"
CYRILLIC = "Имя;Диагноз\n" + "Иванов Пётр Сергеевич;болезнь Альцгеймера\n" * 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1250"])
def test_a_table_is_read_in_its_encoding(tmp_path: Path, encoding: str) -> None:
    given = "" if encoding.startswith("utf") else encoding
    (tmp_path / "table.csv").write_bytes(TEXT.encode(encoding))
    table = read_table(tmp_path / "table.csv", encoding=given)

    assert table.columns == ("Name", "Größe", "Ort")
    assert table.rows[1] == ("Švec, Jiří", "1,75", "Ústí")


def test_western_and_cyrillic_code_pages_are_recognised(tmp_path: Path) -> None:
    western = "Name;Ort\nMüller;Köln\n"
    (tmp_path / "west.csv").write_bytes(western.encode("cp1252"))
    (tmp_path / "east.csv").write_bytes(CYRILLIC.encode("cp1251"))

    assert read_table(tmp_path / "west.csv").rows[0] == ("Müller", "Köln")
    assert read_table(tmp_path / "east.csv").rows[0][0].startswith("Иванов")


def test_a_table_of_a_mac_and_one_that_says_its_delimiter_are_read(tmp_path: Path) -> None:
    (tmp_path / "mac.csv").write_bytes("Name;Vorname\nMüller;Jürgen\n".encode("mac_roman"))
    (tmp_path / "said.csv").write_bytes(b"sep=;\r\nName;Rest\r\nDoe, Jane;1\r\n")

    assert read_table(tmp_path / "mac.csv").rows[0] == ("Müller", "Jürgen")
    assert read_table(tmp_path / "said.csv").rows[0] == ("Doe, Jane", "1")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_from_the_rows(tmp_path: Path, delimiter: str) -> None:
    rows = [["a", "b", "c"], ["1", 'x "y", z;\nw', "3"], ["4", "5", "6"]]
    lines = []
    for row in rows:
        quoted = ['"' + cell.replace('"', '""') + '"' for cell in row]
        lines.append(delimiter.join(quoted))
    (tmp_path / "t").write_text("\n".join(lines))
    table = read_table(tmp_path / "t")

    assert table.rows == (("1", 'x "y", z;\nw', "3"), ("4", "5", "6"))
    assert table.suffix == (".tsv" if delimiter == "\t" else ".csv")


def test_rows_of_unequal_width_and_columns_without_names_are_read(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("a,,a\n1,2,3,4\n5\n\n,,\n")
    table = read_table(tmp_path / "t", delimiter=",")

    assert table.columns == ("a", "column_2", "a_2", "column_4")
    assert table.rows == (("1", "2", "3", "4"), ("5", "", "", ""))


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"PK\x03\x04nonsense", b"\xd0\xcf\x11\xe0xls"])
def test_what_is_not_a_table_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)

    with pytest.raises(UsageError):
        read_table(tmp_path / "t")


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["03/04/2021", "25/12/2021"], DateOrder.DAY_FIRST),
        (["03/04/2021", "12/25/2021"], DateOrder.MONTH_FIRST),
        (["03.04.2021"], DateOrder.DAY_FIRST),
        (["2021-04-03", "20210403"], DateOrder.ISO),
        (["03/04/2021"], None),
        (["13/04/2021", "04/13/2021"], None),
    ],
)
def test_the_order_of_dates_is_the_columns(cells: list[str], order: DateOrder | None) -> None:
    assert date_order_of(cells) == order


def test_a_date_with_a_time_is_read() -> None:
    moment = read_moment("3.4.2021 9:05", DateOrder.DAY_FIRST)

    assert moment is not None
    assert moment.day.isoformat() == "2021-04-03"
    assert moment.time == "9:05"


@pytest.mark.parametrize(
    ("cell", "binned", "age"),
    [
        ("89", False, "89"),
        ("89.9", False, "89.9"),
        ("90", False, "90+"),
        ("102 years", True, "90+"),
        ("062Y", True, "60"),
        ("64,5", True, "60"),
        ("006M", False, "006M"),
        ("born 1931", False, ""),
        ("90-99", False, "90+"),
        ("60-69", True, "60-69"),
    ],
)
def test_ages_are_limited(cell: str, binned: bool, age: str) -> None:
    assert limited_age(cell, binned=binned) == age


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("seen on 12.05.2018 by Dr. Weber", ["2018", "Weber"]),
        ("since 5 March 2019", ["March 2019"]),
        ("call +49 551 39 12345", ["551"]),
        ("mail a.b@example.org", ["example"]),
        ("case 12345678", ["12345678"]),
        ("MRN 4589921. Seen", ["4589921"]),
        ("Fallnr.4589921, A123456789, UKD-2021-00123", ["4589921", "123456789", "00123"]),
        ("Tel. 0551 4589921", ["0551", "4589921"]),
        ("ruft an: 0171/4589921, phone (030) 123456, fax 4589", ["0171", "4589", "030"]),
        ("a.b (at) example.org", ["example"]),
        ("Prof. Dr. A. Hartwig, Dr.Weber, Dr. K.-H. Lehmann", ["Hartwig", "Weber", "Lehmann"]),
        ("Hauptstraße 12, 01309 Dresden; 12 Main Street, Springfield, IL 62704", ["12", "Dresden"]),
        (
            "geb. 1931, ED Mai 2019, 03/2020, am 4. März, am 4.3., May 4",
            ["1931", "2019", "2020", "4"],
        ),
        ("4. 3. 2021 at 2021-03-04T10:11:12", ["2021", "10:11"]),
    ],
)
def test_free_text_loses_dates_contacts_and_titled_names(text: str, gone: list[str]) -> None:
    cleaned = without_contacts(text)

    assert not any(part in cleaned for part in gone)


@pytest.mark.parametrize(
    "text",
    [
        "BP 120/80, ratio 1.5, 3/5 power, 512x512",
        "EDSS 4.5-5.0, MMSE 23/30, 1.5-2-3 mm, TSH 1.234567, 5 out of 10",
        "2000 mg/d, 2000 IE, 100000 IE, 123456/µl, TR 2000 ms, Ferritin = 2000",
        "Puls 97, 98 %, 97 kg, WMS 97, alter Infarkt, 71 years, 89-jährig",
    ],
)
def test_free_text_keeps_measures(text: str) -> None:
    assert with_limited_ages(without_contacts(text)) == text


@pytest.mark.parametrize(
    "text", ["97 Jahre", "93-year-old", "102 y/o", "95j.", "aged 97", "Alter: 91"]
)
def test_great_ages_in_free_text_are_limited(text: str) -> None:
    limited = with_limited_ages(text)

    assert limited.count("90+") == 1
    assert set("1234567").isdisjoint(limited)


def roles(header: list[str], *rows: list[str], **wanted: tuple[str, ...]) -> dict[str, Role]:
    table = Table(tuple(header), tuple(map(tuple, rows)))
    columns = columns_of(table, ColumnSettings(**wanted))
    return {column.name: column.role for column in columns}


def test_columns_are_told_by_name_and_by_cells() -> None:
    header = ["Pat.-ID", "Vorname", "Telefon", "onset", "scan", "case", "score", "remark"]
    first = ["1", "Anna", "0551", "2012", "2021-03-04", "1234567", "1.5", "fine"]
    second = ["2", "Otto", "0552", "2013", "2021-03-05", "7654321", "2", "3 of 5"]

    assert list(roles(header, first, second).values()) == [
        Role.ID,
        Role.NAME,
        Role.DROPPED,
        Role.DROPPED,
        Role.DATE,
        Role.DROPPED,
        Role.NUMBER,
        Role.TEXT,
    ]


@pytest.mark.parametrize(
    "name", ["Alter (Jahre)", "AlterBeiScan", "age_onset", "Lebensalter", "Age group"]
)
def test_a_column_is_called_after_an_age_in_many_ways(name: str) -> None:
    assert roles([name], ["91"], ["64"])[name] is Role.AGE


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (
            "Patienten-ID|Patienten-ID (KIS)|PatientNo|Fall-Nr.|Aufnahmenummer|Probanden-Code",
            Role.ID,
        ),
        (
            "Patientenname (Nachname, Vorname)|Nachname Patient|Name des Patienten|Vor- und Nachname",
            Role.NAME,
        ),
        ("Name, Vorname|LastName_2|patient's full name", Role.NAME),
        ("Geb. am|Geburtsdatum (TT.MM.JJJJ)|Date of birth (dd/mm/yyyy)|Geburtstag", Role.BIRTH),
        (
            "E-Mail-Adresse|Telefon privat|Mobile phone|Straße/Hausnr.|PLZ/Ort|Home address",
            Role.DROPPED,
        ),
        (
            "Name der Mutter|Mother's name|Ansprechpartner|Versicherten-Nr.|Wohnort aktuell",
            Role.DROPPED,
        ),
        (
            "drug name|Scanner name|Ort der Läsion|Krankheit der Mutter|Mobilität|Fallzahl",
            Role.TEXT,
        ),
    ],
)
def test_columns_are_called_as_people_call_them(names: str, role: Role) -> None:
    for name in names.split("|"):
        assert roles([name], ["a b"], ["c d"])[name] is role, name


def test_words_that_end_like_an_age_and_classes_are_no_ages() -> None:
    header = ["dosage", "language", "Schalter", "AgeGroup"]

    assert Role.AGE not in roles(header, ["91", "95", "92", "3"], ["64", "4", "1", "1"]).values()


def test_codes_of_persons_do_not_leave_and_those_of_sites_do() -> None:
    found = roles(["Rater code", "site id"], ["JM01", "A"], ["AS02", "A"], ["XY03", "B"])

    assert list(found.values()) == [Role.DROPPED, Role.TEXT]


def test_a_site_says_what_columns_are() -> None:
    found = roles(["code", "onset"], ["A1", "2012"], id=("code",), keep=("onset",))

    assert found == {"code": Role.ID, "onset": Role.KEPT}


def test_a_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"columns\.dropped"):
        roles(["a"], ["1"], drop=("b",))


def test_formulas_are_guarded_and_negative_numbers_are_not() -> None:
    assert guarded("=1+1") == "'=1+1"
    assert guarded("\t=1") == "'\t=1"
    assert guarded("-2.5") == "-2.5"
