"""The audit read again: each file with every one of its attributes, as if none had repeated."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag

from deidflow.audit.rows import UNCHANGED
from deidflow.audit.sealing import SubjectKeys
from deidflow.dicom.character_sets import encodings_of
from deidflow.header.comparison import Change

_TEXT = frozenset(
    (
        *("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN"),
        *("SH", "ST", "TM", "UC", "UI", "UR", "UT"),
    )
)
STAGED = "not published"
"""The verdict of a file of a run, until it is known to be in the release."""
_PADDING = b"\0 "


@dataclass(frozen=True)
class AttributeRow:
    """What was done to one attribute of a file."""

    attribute: str
    action: str
    reason: str
    vr: str
    old: str
    """Keyed hash of the value in the source; empty where it had none, or stays as it varies."""
    new: str
    """The same of the output."""
    original: str = ""
    """The value itself, where the caller may see it."""


@dataclass(frozen=True)
class FileRow:
    """One file of the audit."""

    subject: str
    segment: str
    file: str
    """Its output; of a run the name under which its series counts it; empty if it is held back."""
    time: str
    source: str
    """Its path, where the caller may see it."""
    verdict: str
    attributes: tuple[AttributeRow, ...] = ()
    reason: str = ""
    """Why it has no output."""

    @property
    def changed(self) -> int:
        """Attributes that are not as they were."""
        changed = [row for row in self.attributes if row.action not in UNCHANGED]
        return len(changed)


@dataclass
class SegmentReader:
    """Reads one segment; originals stay sealed without the subject's key, or once it is erased."""

    folder: Path
    name: str
    keys: SubjectKeys | None = None
    _reasons: dict[str, str] = field(default_factory=dict)
    _elements: dict[str, tuple[AttributeRow, ...]] = field(default_factory=dict)
    _repeated: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The pseudonym."""
        return self.name.partition("/")[0]

    def files(self) -> Iterator[FileRow]:
        """Every file; lines that were changed are left to the check."""
        for row in self._records():
            with suppress(ValueError):
                yield from self._line(row)

    def released(self) -> Iterator[tuple[str, str]]:
        """Names of files of a run, and where these were published."""
        for row in self._records():
            if "released" in row:
                yield row["instance"], row["released"]

    def _records(self) -> Iterator[dict[str, Any]]:
        path = self.folder / self.name
        with path.open("rb") as stream:
            for line in stream:
                with suppress(ValueError):
                    yield json.loads(line)

    def _line(self, row: dict[str, Any]) -> Iterator[FileRow]:
        if "reason" in row and "words" in row:
            self._reasons[row["reason"]] = row["words"]
        elif "rows" in row:
            name = str(row.get("header") or row.get("meta"))
            self._repeated[name] = row
            self._learn(name, row)
        elif "file" in row:
            yield self._file(row)
        elif "held" in row:
            yield self._held(row)

    def _learn(self, name: str, row: Mapping[str, Any]) -> None:
        """Take up the elements that a record holds."""
        charset = row.get("charset", "")

        sealed = row["sealed"]
        values = iter(self._unsealed(sealed, name))
        for element, *cells in row["new"]:
            rows = self._rows(cells, values, charset)
            self._elements[element] = tuple(rows)

    def _file(self, row: Mapping[str, Any]) -> FileRow:
        meta = self._repeated[row["meta"]]
        header = self._repeated[row["header"]]
        file = row["file"]
        sealed = row["sealed"]
        values = iter(self._unsealed(sealed, file))
        source = next(values, b"")
        rows: list[AttributeRow] = []
        for name in (*meta["rows"], *header["rows"]):
            rows += self._elements[name]

        changed = self._rows(row["changed"], values, header["charset"])
        named = {attribute.attribute for attribute in changed}
        for cells in (*meta["varying"], *header["varying"]):
            if cells[0] not in named:
                rows.append(self._kept(cells))
        rows += changed
        return FileRow(
            subject=self.subject,
            segment=self.name,
            file=file,
            time=row["time"],
            source=os.fsdecode(source),
            verdict=STAGED if row["staged"] else "released",
            attributes=tuple(rows),
        )

    def _rows(
        self, cells: Iterable[Sequence[str]], originals: Iterator[bytes], charset: str
    ) -> list[AttributeRow]:
        """Rows of attributes; takes the original value of each, where it can be seen."""
        rows = []
        for cell in cells:
            original = next(originals, b"")
            row = self._row(cell, original, charset)
            rows.append(row)
        return rows

    def _held(self, row: Mapping[str, Any]) -> FileRow:
        series = row["held"]
        sealed = row["sealed"]
        source = self._unsealed(sealed, f"{series}/-") or [b""]
        return FileRow(
            subject=self.subject,
            segment=self.name,
            file="",
            time=row["time"],
            source=os.fsdecode(source[0]),
            verdict=row["verdict"],
            reason=row["reason"],
        )

    def _kept(self, cells: Sequence[str]) -> AttributeRow:
        attribute, reason, vr, _ = cells
        return AttributeRow(
            attribute,
            Change.KEPT,
            self._words(reason),
            vr,
            "",
            "",
        )

    def _row(self, cell: Sequence[str], original: bytes, charset: str) -> AttributeRow:
        attribute, action, reason, vr, old, new = cell
        return AttributeRow(
            attribute,
            action,
            self._words(reason),
            vr,
            old,
            new,
            shown(original, vr, charset),
        )

    def _words(self, reason: str) -> str:
        return self._reasons.get(reason, reason)

    def _unsealed(self, sealed: str, place: str) -> list[bytes]:
        if self.keys is None:
            return []
        try:
            return self.keys.unseal(sealed, place)
        except InvalidTag:
            return []


def shown(value: bytes, vr: str, charset: str) -> str:
    """A value as text: decoded by the file's character set, or hexadecimal digits."""
    if not value:
        return ""
    text = value.rstrip(_PADDING)
    is_unknown = vr in ("", "UN")
    is_text = text.isascii() if is_unknown else vr in _TEXT
    if not is_text:
        return value.hex()

    names = encodings_of(charset)
    for encoding in (*names, "latin-1"):
        with suppress(UnicodeDecodeError, LookupError):
            return text.decode(encoding)
    return value.hex()
