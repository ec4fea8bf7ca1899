"""Tables as they leave: no cell that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from deidflow.store.files import safe_cell, write_bytes_atomic

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?")


def write_table(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    delimiter: str = ",",
    mode: int = 0o644,
) -> None:
    """Write a table in the format of its name: .xlsx, else text with the delimiter, UTF-8."""
    if path.suffix == ".xlsx":
        write_bytes_atomic(
            path,
            _workbook(columns, rows),
            mode,
        )
        return

    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator="\n",
    )
    writer.writerow(map(guarded, columns))
    for row in rows:
        writer.writerow(map(guarded, row))
    write_bytes_atomic(
        path,
        text.getvalue().encode("utf-8", "replace"),
        mode,
    )


def guarded(cell: str) -> str:
    """A cell that is no formula; negative numbers stay as they are."""
    if _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}" if cell[:1] in ("\t", "\r") else safe_cell(cell)


def _workbook(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """One sheet; its properties name no author and a fixed time."""
    from datetime import datetime

    from openpyxl import Workbook

    book = Workbook(write_only=True)
    book.properties.creator = "deidflow"
    book.properties.created = book.properties.modified = datetime(1900, 1, 1)
    sheet = book.create_sheet("demographics")
    sheet.append([guarded(name) for name in columns])
    for row in rows:
        sheet.append([_cell_value(cell) for cell in row])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _cell_value(cell: str) -> str | int | float | None:
    if not cell:
        return None
    if _PLAIN_NUMBER.fullmatch(cell):
        return float(cell) if "." in cell else int(cell)
    return guarded(cell)
