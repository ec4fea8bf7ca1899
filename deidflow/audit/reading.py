"""The audit read again: each file with every one of its attributes, as if none had repeated."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag

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
        same = (Change.KEPT, Change.ITEMS)
        return sum(row.action not in same for row in self.attributes)


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
        """Every file; lines that are no JSON are left to the check."""
        with (self.folder / self.name).open("rb") as stream:
            for line in stream:
                with suppress(ValueError):
                    row = json.loads(line)
                    yield from self._line(row)

    def released(self) -> Iterator[tuple[str, str]]:
        """Names of files of a run, and where these were published."""
        with (self.folder / self.name).open("rb") as stream:
            for line in stream:
                with suppress(ValueError):
                    row = json.loads(line)
                    if "released" in row:
                        yield row["instance"], row["released"]

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

        originals = iter(self._unsealed(row["sealed"], name))
        for element, *cells in row["new"]:
            rows = []
            for cell in cells:
                rows.append(
                    self._row(
                        cell,
                        next(originals, b""),
                        charset,
                    )
                )
            self._elements[element] = tuple(rows)

    def _file(self, row: Mapping[str, Any]) -> FileRow:
        meta = self._repeated[row["meta"]]
        header = self._repeated[row["header"]]
        source, *originals = self._unsealed(row["sealed"], row["file"]) or [b""]
        rows = self._changed(
            row["changed"],
            originals,
            header["charset"],
        )
        named = set()
        for changed in rows:
            named.add(changed.attribute)

        kept = []
        for cells in (*meta["varying"], *header["varying"]):
            if cells[0] not in named:
                kept.append(self._kept(cells))
        repeated = []
        for name in (*meta["rows"], *header["rows"]):
            repeated.append(self._elements[name])
        return FileRow(
            subject=self.subject,
            segment=self.name,
            file=row["file"],
            time=row["time"],
            source=os.fsdecode(source),
            verdict=STAGED if row["staged"] else "released",
            attributes=(*(part for element in repeated for part in element), *kept, *rows),
        )

    def _changed(
        self, cells: Sequence[Sequence[str]], originals: Sequence[bytes], charset: str
    ) -> list[AttributeRow]:
        values = [*originals, *[b""] * (len(cells) - len(originals))]

        return [
            self._row(
                cell,
                value,
                charset,
            )
            for cell, value in zip(
                cells,
                values,
                strict=True,
            )
        ]

    def _held(self, row: Mapping[str, Any]) -> FileRow:
        source = self._unsealed(row["sealed"], f"{row['held']}/-") or [b""]
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
    is_text = vr in _TEXT or (vr in ("", "UN") and value.rstrip(_PADDING).isascii())
    if not is_text:
        return value.hex()
    names = encodings_of(charset)
    for encoding in (*names, "latin-1"):
        with suppress(UnicodeDecodeError, LookupError):
            return value.rstrip(_PADDING).decode(encoding)
    return value.hex()
