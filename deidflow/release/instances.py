"""The vault's table from source files to released files: one row per file found."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path

from deidflow.store.files import safe_cell
from deidflow.store.tables import csv_file


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


_cells_of = attrgetter(*(field.name for field in fields(InstanceRow)))
_COLUMNS = tuple(field.name for field in fields(InstanceRow))


def write_instances(path: Path, rows: Iterable[InstanceRow], out: Path) -> None:
    """Write the table, mode 0600, atomically.

    Rows of earlier calls stay if `out` still contains the released file and no new row names it.
    """
    with instances_table(path, out) as write:
        write(rows)


@contextmanager
def instances_table(path: Path, out: Path) -> Iterator[Callable[[Iterable[InstanceRow]], None]]:
    """What writes rows into the table, which is there when the context ends, as
    `write_instances`."""
    current: set[str] = set()
    with csv_file(path) as write:

        def add(rows: Iterable[InstanceRow]) -> None:
            for row in rows:
                current.add(row.released_path)
                write([_line(row)])

        write([_COLUMNS])
        yield add
        for row in _read(path):
            name = row.released_path
            if name and name not in current and (out / name).exists():
                write([_line(row)])


def _line(row: InstanceRow) -> Sequence[str]:
    return [safe_cell(cell) for cell in _cells_of(row)]


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
