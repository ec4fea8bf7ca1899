"""The vault's table from source files to released files: one row per file found."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from deidflow.store.files import safe_cell
from deidflow.store.tables import write_csv


@dataclass(frozen=True)
class InstanceRow:
    """One file found; cells that do not apply to it are empty."""

    source_path: str
    sop_uid: str = ""
    """SOP Instance UID of the source."""
    released_sop_uid: str = ""
    subject: str = ""
    session: str = ""
    series: str = ""
    released_path: str = ""
    """Relative to the output."""
    verdict: str = ""


_COLUMNS = tuple(field.name for field in fields(InstanceRow))


def write_instances(path: Path, rows: Sequence[InstanceRow], out: Path) -> None:
    """Write the table, mode 0600, atomically.

    Rows of earlier calls stay if `out` still contains the released file and no new row names it.
    """
    current = {row.released_path for row in rows}
    kept: list[InstanceRow] = []
    for row in _read(path):
        released_path = row.released_path
        if not released_path or released_path in current:
            continue
        if (out / released_path).exists():
            kept.append(row)

    lines = _lines([*rows, *kept])
    write_csv(path, lines)


def _lines(rows: Sequence[InstanceRow]) -> Iterator[Sequence[str]]:
    """The table line by line, the columns first."""
    yield _COLUMNS
    for row in rows:
        yield [safe_cell(cell) for cell in astuple(row)]


def _read(path: Path) -> Iterator[InstanceRow]:
    """The rows of an earlier call; none if there is no table, or it has other columns."""
    if not path.exists():
        return
    with path.open(
        encoding="utf-8",
        errors="surrogateescape",
        newline="",
    ) as stream:
        reader = csv.reader(stream)
        header = tuple(next(reader, ()))
        if header != _COLUMNS:
            return
        for cells in reader:
            if len(cells) == len(_COLUMNS):
                yield InstanceRow(_unquoted(cells[0]), *cells[1:])


def _unquoted(cell: str) -> str:
    """The inverse of `safe_cell`."""
    text = cell[1:]
    if safe_cell(text) == cell:
        return text
    return cell
