"""A site's own table of pseudonyms (strategy `csv`)."""

from __future__ import annotations

import csv
from pathlib import Path

from deidflow.errors import ConfigError
from deidflow.identity.pseudonyms import PSEUDONYM
from deidflow.settings.sections import CsvSettings

_DELIMITERS = ",;\t"
_FIRST_LINE = 2
"""The line of the first row below the header."""


def read_table(settings: CsvSettings) -> dict[str, str]:
    """Source value -> pseudonym.

    Raises ConfigError for a missing column, or an empty or repeated pseudonym.
    """
    rows = _rows(settings.path)
    _check_columns(rows[0], settings)
    table: dict[str, str] = {}
    for line, row in enumerate(rows, _FIRST_LINE):
        source = _cell(row, settings.source_column)
        pseudonym = _cell(row, settings.target_column)
        problem = _problem(source, pseudonym, table)
        if problem:
            raise ConfigError(f"'ids.csv', line {line}: {problem}")
        if source:
            table[source] = pseudonym
    return table


def _rows(path: Path) -> list[dict[str, str]]:
    text = _text(path)
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.DictReader(
        text.splitlines(),
        delimiter=delimiter,
    )
    rows = list(reader)
    if not rows:
        raise ConfigError("'ids.csv': the table holds no rows below its header")
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        cause = "it is not UTF-8 text"
    except OSError as error:
        cause = error.strerror or "unknown cause"
    raise ConfigError(f"'ids.csv': the table cannot be read: {cause}")


def _check_columns(row: dict[str, str], settings: CsvSettings) -> None:
    for column in (settings.source_column, settings.target_column):
        if column not in row:
            raise ConfigError(
                f"'ids.csv': the table has no column '{column}' (it has {len(row)} columns; "
                "is its first row their names?)"
            )


def _cell(row: dict[str, str], column: str) -> str:
    """A cell without surrounding spaces; empty where the row is short."""
    text = row[column] or ""
    return text.strip()


def _problem(source: str, pseudonym: str, table: dict[str, str]) -> str:
    """What is wrong with a row, given the rows before; empty for a good one."""
    if source and not pseudonym:
        return "the pseudonym is empty"
    if pseudonym and not PSEUDONYM.fullmatch(pseudonym):
        return "a pseudonym is letters, digits, - and _, at most 48"

    is_repeated = source in table and table[source] != pseudonym
    is_taken = source not in table and pseudonym in table.values()
    if is_repeated or is_taken:
        return "the same source or the same pseudonym as in an earlier line"
    return ""
