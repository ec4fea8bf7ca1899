"""Tables with faults of spreadsheets: an error that says what to do, and nothing that identifies."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.errors import ConfigError, UsageError
from deidflow.settings.tables import ColumnSettings
from deidflow.tables.columns import Role, columns_of
from deidflow.tables.people import people_in
from deidflow.tables.reading import Table, read_table
from tests.commands import command_here


def table(tmp_path: Path, text: str, name: str = "table.csv") -> Table:
    path = tmp_path / name
    path.write_text(text)
    return read_table(path)


def roles(tmp_path: Path, text: str) -> list[Role]:
    return [column.role for column in columns_of(table(tmp_path, text), ColumnSettings())]


@pytest.mark.parametrize(
    "text",
    [
        "0012;Zimmerquast, Otto;01.01.1950\n13;Abernathy, Ida;07.03.1960\n",
        "Cohort of 2021;;\n;;\nPatientID;Name;Dx\n12;Zimmerquast;MS\n",
        "colour;size\nblue;2\n",
    ],
)
def test_a_table_without_names_of_columns_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "table.csv").write_text(text)
    places = "--vault", tmp_path / "vault", "--out", tmp_path / "out"
    result = command_here("tables", tmp_path / "table.csv", *places)

    assert result.returncode == 2
    assert "the first row must name the columns" in result.stderr
    assert "immerquast" not in result.stdout + result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_files_does_not_become_a_vault(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("PatientID\n0012\n")
    places = "--vault", tmp_path, "--out", tmp_path / "out"
    result = command_here("tables", tmp_path / "table.csv", *places)

    assert result.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_second_column_of_ids_does_not_leave(tmp_path: Path) -> None:
    assert roles(tmp_path, "ID;ID;Name 2;dx\n12;13X;Doe;MS\n") == [
        Role.ID,
        Role.ID,
        Role.NAME,
        Role.TEXT,
    ]


@pytest.mark.parametrize(
    ("column", "cells", "role"),
    [
        ("Datum", ("44267", "44301"), Role.DROPPED),
        ("Scan date", ("44267", "unknown"), Role.DROPPED),
        ("Scan date", ("12.03.2021", "44267", "yesterday"), Role.DATE),
        ("volume", ("44267", "44301"), Role.NUMBER),
        ("Update", ("44267", "44301"), Role.NUMBER),
        ("candidate", ("yes", "no"), Role.TEXT),
    ],
)
def test_dates_as_a_spreadsheet_counts_them_do_not_leave(
    tmp_path: Path, column: str, cells: tuple[str, ...], role: Role
) -> None:
    lines = "".join(f"{number};{cell}\n" for number, cell in enumerate(cells))
    assert roles(tmp_path, f"ID;{column}\n{lines}")[1] is role


def test_a_quote_without_an_end_takes_no_rows_away(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a quote is missing"):
        table(tmp_path, 'ID;Name\n1;"Doe, J\n2;Roe, K\n')
    assert len(table(tmp_path, 'ID;Note\n1;"two\nlines"\n2;5" disk\n').rows) == 2


def test_what_is_called_a_workbook_and_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="called a workbook"):
        table(tmp_path, "ID;Name\n1;Doe\n", "table.xlsx")


def test_names_among_the_ids_are_names(tmp_path: Path) -> None:
    read = table(tmp_path, "Patient;dx\n0012;a\nAbernathy, Ida;b\nMRN X9;c\n")
    people = people_in(read, columns_of(read, ColumnSettings()))

    assert [(person.who.name, person.number) for person in people] == [
        ("", "0012"),
        ("Abernathy, Ida", ""),
        ("", "MRN X9"),
    ]


def test_one_column_is_not_cut_at_its_commas(tmp_path: Path) -> None:
    read = table(tmp_path, "Patient\nAbernathy, Ida\nZimmerquast, Otto\n")

    assert read.rows == (("Abernathy, Ida",), ("Zimmerquast, Otto",))


def test_an_unknown_column_is_named_by_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"columns\.id"):
        columns_of(table(tmp_path, "ID\n1\n"), ColumnSettings(id=("MRN",)))
