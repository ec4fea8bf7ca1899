"""CSV tables, as text and as files that are written atomically."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from deidflow.store.files import write_bytes_atomic

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
    write_bytes_atomic(path, csv_bytes(rows))
