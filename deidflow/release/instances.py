"""The vault's table from source files to released files: one row per file found."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path

from deidflow.store.blocks import BlockFile, BlockIndex, EarlierFile, block_file, earlier_file
from deidflow.store.files import safe_cell
from deidflow.store.tables import csv_bytes


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
    with instances_table(path, out) as table:
        for row in rows:
            table.add([row])


class InstancesTable:
    """The table while it is written."""

    def __init__(self, file: BlockFile, earlier: EarlierFile) -> None:
        self.file = file
        self._earlier = earlier
        self._released: set[str] = set()
        self._taken: list[str] = []

    def add(self, rows: Sequence[InstanceRow], block: str = "") -> None:
        """Write rows, as a block where they have a name."""
        self._released.update(row.released_path for row in rows)
        self.file.write(csv_bytes(map(_line, rows)), block)

    def take(self, block: str) -> None:
        """Take over a block of the earlier table."""
        self._taken.append(block)
        self.file.write(self._earlier.block(block), block)

    def keep_others(self, out: Path) -> None:
        """Write what else the earlier table says of files that are still there."""
        for row in _rows(self._earlier.lines_beside(self._taken)):
            name = row.released_path
            if name and name not in self._released and (out / name).exists():
                self.file.write(csv_bytes([_line(row)]))


@contextmanager
def instances_table(
    path: Path, out: Path, index: BlockIndex | None = None
) -> Iterator[InstancesTable]:
    """The table, which is there when the context ends, as `write_instances`; `index` tells where
    the blocks of the earlier one are."""
    with earlier_file(path, index) as earlier, block_file(path) as file:
        table = InstancesTable(file, earlier)
        file.write(csv_bytes([_COLUMNS]))
        yield table
        table.keep_others(out)


def _line(row: InstanceRow) -> Sequence[str]:
    return [safe_cell(cell) for cell in _cells_of(row)]


def _rows(lines: Iterable[str]) -> Iterator[InstanceRow]:
    """The rows of an earlier call; none if its table has other columns."""
    reader = csv.reader(lines)
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
