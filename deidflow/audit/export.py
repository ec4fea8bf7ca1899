"""The audit as CSV, JSON Lines or an Excel workbook behind a password."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from deidflow.audit.tables import COLUMNS, AuditTables, Cell, Rows, Table
from deidflow.store.files import atomic_file, safe_cell, write_bytes_atomic

SUFFIXES = (".csv", ".jsonl", ".xlsx")
_MOST_ROWS = 1_048_575
"""Rows of a sheet below its header (Excel's own bound)."""
_WIDTH = 22


def export_rows(path: Path, tables: Sequence[AuditTables], table: Table) -> int:
    """Write one table as CSV or JSON Lines, mode 0600, at once; returns the number of rows."""
    count = 0
    columns = COLUMNS[table]
    rows = _rows_of(tables, table)
    with atomic_file(path) as stream:
        text = io.TextIOWrapper(
            stream,
            encoding="utf-8",
            errors="surrogateescape",
            write_through=True,
        )
        if path.suffix == ".csv":
            count = _write_csv(text, columns, rows)
        else:
            count = _write_json_lines(text, columns, rows)
        text.detach()
    return count


def _write_csv(stream: TextIO, columns: Sequence[str], rows: Rows) -> int:
    count = 0
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = [safe_cell(cell) if isinstance(cell, str) else cell for cell in row]
        writer.writerow(cells)
        count += 1
    return count


def _write_json_lines(stream: TextIO, columns: Sequence[str], rows: Rows) -> int:
    count = 0
    for row in rows:
        named = dict(zip(columns, row, strict=True))
        line = json.dumps(named)
        stream.write(f"{line}\n")
        count += 1
    return count


def _rows_of(tables: Sequence[AuditTables], table: Table) -> Rows:
    for scope in tables:
        yield from scope.rows(table)


def export_workbook(path: Path, tables: Sequence[AuditTables], password: str) -> int:
    """Write all tables as sheets of an encrypted workbook; returns the rows of attributes.

    The plain workbook is only in memory (ECMA-376 agile encryption by msoffcrypto).
    """
    from msoffcrypto.format.ooxml import OOXMLFile

    content = io.BytesIO()
    count = _write_sheets(content, tables)
    content.seek(0)
    encrypted = io.BytesIO()
    OOXMLFile(content).encrypt(password, encrypted)

    write_bytes_atomic(path, encrypted.getvalue())
    return count


def _write_sheets(content: io.BytesIO, tables: Sequence[AuditTables]) -> int:
    import xlsxwriter

    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    counts: dict[Table, int] = {}
    with xlsxwriter.Workbook(content, options) as book:
        head = book.add_format({"bold": True, "bg_color": "#D9E2EC", "bottom": 1})
        for table in Table:
            rows = _rows_of(tables, table)
            counts[table] = _write_table(
                book,
                head,
                table,
                rows,
            )
    return counts[Table.ATTRIBUTES]


def _write_table(book: Any, head: Any, table: Table, rows: Rows) -> int:
    """One sheet, and further ones where a sheet is full; the header frozen and filtered."""
    number = 0
    sheets = 0
    sheet: Any = None
    for row in rows:
        line = number % _MOST_ROWS
        if line == 0:
            sheets += 1
            sheet = _new_sheet(
                book,
                head,
                table,
                sheets,
            )
        sheet.write_row(
            line + 1,
            0,
            _printable(row),
        )
        number += 1

    if sheet is None:
        _new_sheet(book, head, table, 1)
    return number


def _new_sheet(book: Any, head: Any, table: Table, number: int) -> Any:
    name = table.value if number == 1 else f"{table.value} {number}"
    sheet = book.add_worksheet(name)
    columns = COLUMNS[table]
    sheet.write_row(0, 0, columns, head)
    sheet.freeze_panes(1, 0)

    sheet.autofilter(
        0,
        0,
        _MOST_ROWS,
        len(columns) - 1,
    )
    sheet.set_column(
        0,
        len(columns) - 1,
        _WIDTH,
    )
    return sheet


def _printable(row: Iterable[Cell]) -> list[Cell]:
    """Cells that a workbook can hold: no lone surrogates of odd file names."""
    cells: list[Cell] = []
    for cell in row:
        if isinstance(cell, str):
            cell = cell.encode("utf-8", "backslashreplace").decode()
        cells.append(cell)
    return cells
