"""Segments: files of chained lines, each about one subject in one run or call."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from deidflow.audit.chain import Chain

SUFFIX = ".jsonl"
_PRIVATE = 0o600
_DIGITS = 6


class AuditRecord(NamedTuple):
    """The fields of a line, and the name under which others refer to it; a file's has none."""

    name: str
    fields: bytes


class SegmentEnd(NamedTuple):
    """A segment that was written: its name below the audit, its lines, the hash of the last."""

    name: str
    lines: int
    head: str


@dataclass
class SegmentWriter:
    """Writes one segment; lines that are referred to are written once."""

    folder: Path
    name: str
    chain: Chain
    _written: set[str] = field(default_factory=set)

    @classmethod
    def create(cls, folder: Path, key: bytes, pseudonym: str) -> SegmentWriter:
        """A new segment of a subject, in the audit of a project and level."""
        own = folder / pseudonym
        own.mkdir(
            parents=True,
            exist_ok=True,
            mode=0o700,
        )

        number = 1 + max(map(_number, own.iterdir()), default=0)
        while True:
            name = f"{pseudonym}/{number:0{_DIGITS}d}{SUFFIX}"
            try:
                descriptor = os.open(
                    folder / name,
                    os.O_WRONLY | os.O_CREAT | os.O_EXCL,
                    _PRIVATE,
                )
            except FileExistsError:
                number += 1
                continue
            os.close(descriptor)
            return cls(
                folder,
                name,
                Chain.of(key, name),
            )

    def add(self, records: Iterable[AuditRecord]) -> None:
        """Append lines."""
        fields: list[bytes] = []
        for record in records:
            if record.name in self._written:
                continue
            if record.name:
                self._written.add(record.name)
            fields.append(record.fields)

        content = self.chain.joined(fields)
        with (self.folder / self.name).open("ab") as stream:
            stream.write(content)

    def end(self) -> SegmentEnd:
        """How far it was written."""
        return SegmentEnd(
            self.name,
            self.chain.lines,
            self.chain.mac,
        )


def _number(path: Path) -> int:
    """The number of a segment; 0 for another file."""
    stem = path.stem
    if path.suffix != SUFFIX or not stem.isdigit():
        return 0
    return int(stem)


def segment_names(folder: Path) -> list[str]:
    """The segments on disk, by their names below the audit."""
    names: list[str] = []
    for path in folder.glob(f"*/*{SUFFIX}"):
        place = path.relative_to(folder)
        names.append(place.as_posix())
    return sorted(names)
