"""Tables as hospitals have them: CSV and TSV of any encoding and delimiter, and XLSX."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

from deidflow.errors import EnvironmentFault, UsageError
from deidflow.tables.encodings import decode

_DELIMITERS = ",;\t|"
_SAID_DELIMITER = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
"""A first line by which Excel is told the delimiter."""
_IN_ONE_COLUMN = ";\t|,"
_LAST = "the-row-after-the-last"
_LARGEST_FILE = 512 << 20
_WORKBOOKS = (".xlsx", ".xlsm")
_LARGEST_SHEET = 1 << 30
_UNREADABLE = (
    AttributeError,
    IndexError,
    KeyError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)
"""What openpyxl and its XML parser raise for what is not a workbook."""


@dataclass(frozen=True)
class Table:
    """The header and the rows of a table, as text; every row has a cell for every column."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    suffix: str = ".csv"
    """The format to write it in: .csv, .tsv or .xlsx."""
    delimiter: str = ","

    def column(self, number: int) -> list[str]:
        """The cells of a column."""
        return [row[number] for row in self.rows]


def read_table(path: Path, *, encoding: str = "", delimiter: str = "", sheet: str = "") -> Table:
    """Read a table by its content; what is given is not guessed.

    Raises UsageError for what is not a table, EnvironmentFault where the file cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            raise UsageError("the table is larger than 512 MiB; split it")
        content = path.read_bytes()
    except OSError as error:
        raise EnvironmentFault(f"the table cannot be read: {error.strerror}") from None

    if zipfile.is_zipfile(path):
        return _checked(
            _excel_rows(path, sheet),
            ".xlsx",
            ",",
        )
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise UsageError("the table is an old .xls or an encrypted workbook; save it as .xlsx")
    if path.suffix.lower() in _WORKBOOKS:
        raise UsageError("the table is called a workbook and is not one that can be read")

    text = decode(content, encoding)
    said = _SAID_DELIMITER.match(text)
    if said:
        text = text[said.end() :]
        delimiter = delimiter or said[1]
    chosen = delimiter or guess_delimiter(text)
    suffix = ".tsv" if chosen == "\t" else ".csv"
    return _checked(
        _split(text, chosen),
        suffix,
        chosen,
    )


# text


def guess_delimiter(text: str) -> str:
    """The delimiter under which most rows have as many cells as the header."""
    sample = text.splitlines()[:200]

    def fit(delimiter: str) -> tuple[float, int]:
        reader = csv.reader(sample, delimiter=delimiter)
        widths = [len(row) for row in reader if row]
        width = widths[0] if widths else 0
        if width < 2:
            return 0.0, width
        return widths.count(width) / len(widths), width

    if not any(fit(delimiter)[0] for delimiter in _DELIMITERS):
        # One column: a comma is part of its cells, as in "Doe, Jane".
        absent = [delimiter for delimiter in _IN_ONE_COLUMN if delimiter not in text]
        return absent[0] if absent else ","
    return max(_DELIMITERS, key=fit)


def _split(text: str, delimiter: str) -> list[list[str]]:
    plain = text.replace("\0", "")
    if _ends_in_quotes(plain, delimiter):
        raise UsageError("the table ends inside a quoted cell; a quote is missing before")
    try:
        return list(csv.reader(io.StringIO(plain, newline=""), delimiter=delimiter))
    except csv.Error:
        raise UsageError("the table is not valid CSV; check its quotes and delimiter") from None


def _ends_in_quotes(text: str, delimiter: str) -> bool:
    """Whether a quoted cell has no end, so that it takes in the rows after it."""
    ended = f"{text}\n{_LAST}"
    try:
        rows = list(csv.reader(io.StringIO(ended, newline=""), delimiter=delimiter))
    except csv.Error:
        return False
    return rows[-1] != [_LAST]


# workbooks


def _excel_rows(path: Path, sheet: str) -> list[list[str]]:
    """The rows of a sheet, the first one by default; formulas come as their last values."""
    from openpyxl import load_workbook

    _refuse_large(path)
    try:
        book = load_workbook(
            path,
            read_only=True,
            data_only=True,
        )
    except _UNREADABLE:
        raise UsageError("the table is a zip file but not a workbook that can be read") from None
    try:
        if sheet and sheet not in book.sheetnames:
            raise UsageError("the workbook has no sheet of this name")
        page = book[sheet] if sheet else book.worksheets[0]
        rows = [list(map(cell_text, row)) for row in page.iter_rows(values_only=True)]
        if len(rows) < 2 and not sheet and len(book.worksheets) > 1:
            raise UsageError("the first sheet of the workbook holds no rows; name another sheet")
        return rows
    finally:
        book.close()


def _refuse_large(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > _LARGEST_SHEET:
        raise UsageError("the workbook unpacks to more than 1 GiB; save the sheet as CSV")


def cell_text(value: object) -> str:
    """The cell of a workbook as text; dates are ISO 8601, whole numbers have no point."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


# both


def _checked(rows: Iterable[Sequence[str]], suffix: str, delimiter: str) -> Table:
    """Rows of equal width under a header whose names are told apart."""
    filled = [row for row in rows if _filled_width(row)]
    if len(filled) < 2:
        raise UsageError("the table holds no rows below its header")

    width = max(map(_filled_width, filled))
    even = [_of_width(row, width) for row in filled]
    return Table(
        columns=_names(even[0]),
        rows=tuple(even[1:]),
        suffix=suffix,
        delimiter=delimiter,
    )


def _of_width(row: Sequence[str], width: int) -> tuple[str, ...]:
    cells = [cell.strip() for cell in row[:width]]
    missing = width - len(cells)
    return (*cells, *[""] * missing)


def _filled_width(row: Sequence[str]) -> int:
    """Cells up to the last that is not empty."""
    return max((place for place, cell in enumerate(row, 1) if cell.strip()), default=0)


def _names(header: Sequence[str]) -> tuple[str, ...]:
    """Different column names; one without a name is called after its place."""
    names: list[str] = []
    for number, name in enumerate(header, 1):
        base = name or f"column_{number}"
        wanted, count = base, 1
        while wanted in names:
            count += 1
            wanted = f"{base}_{count}"
        names.append(wanted)
    return tuple(names)
