"""Files read in child processes, and sent back as rows, many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.dicom.inventory import Entry, Reader, failed
from deidflow.errors import StepFailed
from deidflow.inventory.packed import Header, PackedEntry, Packer
from deidflow.store.children import Children
from deidflow.verdicts import Reason

BATCH = 10_000
"""Files of a child."""
_CHUNK = 100
"""Files of a message."""


@dataclass(frozen=True)
class Chunk:
    """Rows of files in the order in which they were asked for, and headers that are new to the
    batch."""

    rows: tuple[PackedEntry, ...]
    headers: tuple[Header, ...]


def read_rows(
    source: Path,
    paths: Sequence[str],
    children: Children,
    log: Path,
    *,
    hashed: bool = True,
) -> Iterator[Chunk]:
    """Read files below a folder in child processes; one that kills its reader costs itself only.

    Without `hashed` only who the files are of is read, not their pixels.
    """
    waiting = list(paths)
    size = _CHUNK
    while waiting:
        # After a death the files of one message are read one by one, to find the one it was.
        batch = waiting[: BATCH if size == _CHUNK else _CHUNK]
        done = 0
        try:
            for chunk in children.stream(log, read_chunks, str(source), batch, size, hashed):
                done += len(chunk.rows)
                yield chunk
            size = _CHUNK
        except StepFailed as error:
            if error.reason is Reason.STOPPED:
                raise
            if size == 1 and done < len(batch):
                yield _lost(batch[done], error.reason)
                done += 1
            size = 1
        waiting = waiting[done:]


def _lost(path: str, cause: Reason) -> Chunk:
    """The row of a file that killed its reader."""
    reason = Reason.READER_DIED
    if cause is Reason.OUT_OF_MEMORY:
        reason = Reason.OUT_OF_MEMORY
    entry = failed(path, reason)
    packer = Packer()
    row, _ = packer.pack(entry)
    return Chunk(
        rows=(row,),
        headers=(),
    )


def read_chunks(source: str, paths: Sequence[str], size: int, hashed: bool) -> Iterator[Chunk]:
    """Read the files one by one (runs in a child process)."""
    reader = Reader(Path(source), hashed=hashed)
    packer = Packer()
    sent: set[bytes] = set()
    for start in range(0, len(paths), size):
        names = paths[start : start + size]
        entries = list(map(reader.read, names))
        yield _chunk(
            entries,
            packer,
            sent,
        )


def _chunk(entries: Sequence[Entry], packer: Packer, sent: set[bytes]) -> Chunk:
    rows = []
    headers = []
    for entry in entries:
        row, header = packer.pack(entry)
        rows.append(row)
        if header is not None and header.digest not in sent:
            sent.add(header.digest)
            headers.append(header)
    return Chunk(tuple(rows), tuple(headers))
