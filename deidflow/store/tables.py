"""CSV tables, as text and as files that are written atomically."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deidflow.store.files import atomic_file

Cells = Sequence[str | int]


def csv_text(rows: Iterable[Cells]) -> str:
    """Rows as CSV, one per line; the first is the header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows(rows)
    return stream.getvalue()


def csv_bytes(rows: Iterable[Cells]) -> bytes:
    """Rows as UTF-8 CSV; paths that are not UTF-8 keep their bytes (PEP 383)."""
    text = csv_text(rows)
    return text.encode("utf-8", "surrogateescape")


def write_csv(path: Path, rows: Iterable[Cells]) -> None:
    """Write rows as CSV, mode 0600, atomically."""
    with csv_file(path) as write:
        write(rows)


@contextmanager
def csv_file(path: Path) -> Iterator[Callable[[Iterable[Cells]], None]]:
    """What writes rows into a CSV file, mode 0600, which is there when the context ends."""
    with (
        atomic_file(path) as stream,
        io.TextIOWrapper(
            stream,
            encoding="utf-8",
            errors="surrogateescape",
            newline="",
        ) as text,
    ):
        writer = csv.writer(text, lineterminator="\n")
        yield writer.writerows
