"""The vault's table from source files to released files: one row for each file found, whatever its verdict."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from deidflow.store.files import safe_cell, write_bytes_atomic


@dataclass(frozen=True)
class InstanceRow:
    """One file found; what does not apply to it is empty."""

    source_path: str
    sop_uid: str
    """SOP Instance UID as in the source."""
    released_sop_uid: str
    subject: str
    session: str
    series: str
    released_path: str
    """Below the output."""
    verdict: str


_COLUMNS = tuple(field.name for field in fields(InstanceRow))


def write_instances(path: Path, rows: Sequence[InstanceRow], out: Path) -> None:
    """Write the table, mode 0600, atomically.

    Rows of earlier calls stay where `out` still holds the released file and no new row names it.
    """
    current = {row.released_path for row in rows if row.released_path}
    earlier = [row for row in _read(path) if _stands(row, current, out)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_cells([*rows, *earlier]))
    write_bytes_atomic(path, text.getvalue().encode("utf-8", "surrogateescape"))


def _cells(rows: Iterable[InstanceRow]) -> Iterator[list[str]]:
    for row in rows:
        yield [safe_cell(cell) for cell in asdict(row).values()]


def _stands(row: InstanceRow, current: set[str], out: Path) -> bool:
    if not row.released_path or row.released_path in current:
        return False
    return (out / row.released_path).exists()


def _read(path: Path) -> Iterator[InstanceRow]:
    """The rows of an earlier call; nothing where there was none, or the table has other columns."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream)
        if tuple(next(reader, ())) != _COLUMNS:
            return
        for cells in reader:
            if len(cells) == len(_COLUMNS):
                yield InstanceRow(_plain(cells[0]), *cells[1:])


def _plain(cell: str) -> str:
    """The inverse of `safe_cell`."""
    return cell[1:] if safe_cell(cell[1:]) == cell else cell
