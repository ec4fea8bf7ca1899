"""Encodings, delimiters, dates and column types."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.errors import ConfigError, UsageError
from deidflow.settings.tables import ColumnSettings
from deidflow.tables.cells import limited_age, without_contacts
from deidflow.tables.columns import Role, columns_of
from deidflow.tables.dates import DateOrder, date_order_of, read_moment
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
    ],
)
def test_free_text_loses_dates_contacts_and_titled_names(text: str, gone: list[str]) -> None:
    cleaned = without_contacts(text)

    assert not any(part in cleaned for part in gone)


def test_free_text_keeps_measures() -> None:
    text = "BP 120/80, ratio 1.5, 3/5 power, 512x512"

    assert without_contacts(text) == text


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
