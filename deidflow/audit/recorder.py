"""From what became of a file's elements to records of the audit.

What repeats in a series is a record of its own, to which its files refer: rows, and headers that
name their rows. A file's record holds what varies. So the work on a file is a few hashes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deidflow.audit.rows import (
    LONGEST_SEALED,
    NO_ROWS,
    Difference,
    ElementRows,
    FileChanges,
    Repeated,
    VaryingElement,
    differing_of,
    original_of,
)
from deidflow.audit.sealing import SubjectKeys
from deidflow.audit.segment import AuditRecord
from deidflow.dicom.dictionary import sequence_tags
from deidflow.header.comparison import (
    AttributeChange,
    Change,
    Comparison,
    action_of,
    attribute_name,
)
from deidflow.header.level import Fate, Level
from deidflow.header.meta_comparison import meta_changes, taken_apart
from deidflow.header.notes import value_start
from deidflow.header.rule_words import FILE_META
from deidflow.header.trail import FileTrail

_REMEMBERED = 50_000
_LONGEST_REMEMBERED = 1024
_NAME_DIGITS = 12
_META_INSTANCE = "MediaStorageSOPInstanceUID"
_CHARSET = 0x00080005


@dataclass
class Recorder:
    """Makes the records of the files of one subject, series after series."""

    keys: SubjectKeys
    new: list[AuditRecord] = field(default_factory=list)
    """Records that were made since somebody took them."""
    _named: set[str] = field(default_factory=set)
    _written: set[str] = field(default_factory=set)
    """Names of rows that some record holds."""
    _row_names: dict[str, str] = field(default_factory=dict)
    _known: dict[tuple[bytes, bytes, str, bool], ElementRows] = field(default_factory=dict)
    _reasons: dict[str, str] = field(default_factory=dict)
    _levels: dict[str, Repeated] = field(default_factory=dict)
    _metas: dict[tuple[bytes, bytes], Repeated] = field(default_factory=dict)

    def taken(self) -> tuple[AuditRecord, ...]:
        """The records that were made since the last call."""
        records = tuple(self.new)
        self.new.clear()
        return records

    def file(
        self, trail: FileTrail, output: str, source: str, *, is_staged: bool = False
    ) -> FileChanges:
        """Record a file that was de-identified; returns what differs.

        `is_staged`: where it is published, if at all, is decided later; `output` is its name.
        """
        comparison = Comparison(trail.elements)
        header = self._header(trail, comparison)
        meta, instance = self._meta(trail)
        changed = [*self._varied(trail, header, comparison), instance]
        fields = (
            f'"file":{json.dumps(output)},"time":"{_now()}",'
            f'"staged":{json.dumps(is_staged)},"header":"{header.name}","meta":"{meta.name}",'
            f'"changed":[{",".join([rows.cells for rows in changed if rows.cells])}],'
            f'"sealed":"{self._sealed(output, source, changed)}"'
        )
        self.new.append(AuditRecord("", fields.encode("ascii")))
        varied = [rows.differences for rows in changed]
        return FileChanges((meta.differences, header.differences, *varied))

    def held(self, series: str, source: str, verdict: str, reason: str) -> None:
        """Record a file that has no output."""
        place = f"{series}/-"
        row = {
            "held": series,
            "time": _now(),
            "verdict": verdict,
            "reason": reason,
            "sealed": self._sealed(place, source, ()),
        }
        self.new.append(AuditRecord("", json.dumps(row)[1:-1].encode("ascii")))

    def _sealed(self, place: str, source: str, changed: Iterable[ElementRows]) -> str:
        """Source path and old values of a file; bytes that are not UTF-8 stay as they are."""
        originals = [os.fsencode(source)]
        for rows in changed:
            originals += rows.originals
        return self.keys.seal(originals, place)

    # what repeats

    def _header(self, trail: FileTrail, comparison: Comparison) -> Repeated:
        level = trail.level
        known = self._levels.get(level.record)
        if known is not None:
            return known
        rows = self._repeated_rows(level, comparison)
        varying = {fate.tag: self._varying(level, comparison, fate) for fate in trail.varied}
        charset = level.raws.get(_CHARSET, b"").decode("latin-1").strip()
        cells = [[row.attribute, row.reason, row.vr, row.action] for row in varying.values()]
        rest = f'"varying":{json.dumps(cells)},"charset":{json.dumps(charset)}'
        repeated = self._repeated("header", rows, rest)._replace(varying=varying)
        level.record = repeated.name
        self._levels[repeated.name] = repeated
        return repeated

    def _repeated_rows(self, level: Level, comparison: Comparison) -> Iterator[ElementRows]:
        """The rows of the elements that repeat; ours takes the place of the source's."""
        fates: dict[int, Fate] = {}
        for fate in level.fates:
            other = fates.get(fate.tag)
            if other is not None and not other.after:
                fate = other._replace(after=fate.after)
            fates[fate.tag] = fate
        for fate in fates.values():
            yield self._remembered(level, fate, comparison)

    def _varying(self, level: Level, comparison: Comparison, fate: Fate) -> VaryingElement:
        """What all values of an element have in common: it was kept where no file says more."""
        written = fate.before[4:6] if level.explicit else b""
        vr, action, reason = comparison.rule(level, fate.tag, written)
        return VaryingElement(
            attribute=attribute_name(level, fate.tag),
            vr=vr,
            action=action,
            reason=self._reason(reason),
        )

    def _repeated(self, kind: str, elements: Iterable[ElementRows], rest: str) -> Repeated:
        """A record that names its rows, and holds those that no record held before."""
        names: list[str] = []
        new: list[str] = []
        originals: list[bytes] = []
        differences: list[Difference] = []
        for rows in elements:
            name = self._row_name(rows)
            names.append(name)
            differences += rows.differences
            if name not in self._written:
                self._written.add(name)
                new.append(f'["{name}",{rows.cells}]')
                originals += rows.originals

        fields = f'"rows":{json.dumps(names)},{rest}'
        name = self._name(fields)
        sealed = self.keys.seal(originals, name)
        fields += f',"new":[{",".join(new)}],"sealed":"{sealed}"'
        self._add(f"{kind}:{name}", f'"{kind}":"{name}",{fields}')
        return Repeated(name, tuple(differences))

    def _row_name(self, rows: ElementRows) -> str:
        name = self._row_names.get(rows.cells)
        if name is None:
            name = self._name(rows.cells)
            self._row_names[rows.cells] = name
        return name

    def _name(self, text: str) -> str:
        """The name of a record, by its content."""
        return self.keys.hashed(text.encode("ascii"))[:_NAME_DIGITS]

    def _add(self, name: str, fields: str) -> None:
        if name not in self._named:
            self._named.add(name)
            self.new.append(AuditRecord(name, fields.encode("ascii")))

    # file meta information

    def _meta(self, trail: FileTrail) -> tuple[Repeated, ElementRows]:
        """What repeats of the file meta information, and the row of the instance's UID."""
        old_uid, old_rest = taken_apart(trail.meta)
        new_uid, new_rest = taken_apart(trail.new_meta)
        key = old_rest, new_rest
        meta = self._metas.get(key)
        if meta is None:
            changes = meta_changes(old_rest, new_rest)
            rows = [self._rows_of([change]) for change in changes]
            varying = json.dumps([_META_INSTANCE, self._reason(FILE_META), "UI", "uid"])
            meta = self._repeated("meta", rows, f'"varying":[{varying}]')
            self._metas[key] = meta
        return meta, self._instance(old_uid, new_uid)

    def _instance(self, old: bytes, new: bytes) -> ElementRows:
        """The row of the UID in the file meta information; none where it was kept."""
        if old.rstrip(b"\0 ") == new.rstrip(b"\0 "):
            return NO_ROWS
        hashed = self.keys.hashed
        return ElementRows(
            cells=f'["{_META_INSTANCE}","{Change.REWRITTEN}","{self._reason(FILE_META)}","UI",'
            f'"{hashed(old)}","{hashed(new)}"]',
            originals=(old,),
            differences=(Difference(_META_INSTANCE, Change.REWRITTEN),),
        )

    # what varies

    def _varied(
        self, trail: FileTrail, header: Repeated, comparison: Comparison
    ) -> Iterator[ElementRows]:
        level = trail.level
        explicit_out = comparison.elements.explicit_out
        sequences = sequence_tags()
        for fate in trail.varied:
            element = header.varying.get(fate.tag)
            if element is None or fate.notes or element.vr == "SQ" or fate.tag in sequences:
                yield self._remembered(level, fate, comparison)
            elif not _is_kept(fate, explicit_out):
                yield self._single(fate, element, explicit_out)

    def _single(self, fate: Fate, element: VaryingElement, explicit_out: bool) -> ElementRows:
        """The row of an element with one value, which no other file is expected to have."""
        old = fate.before[fate.value :]
        new: bytes | None = None
        if fate.after:
            new = fate.after[value_start(fate.after, explicit=explicit_out) :]
        action = action_of(fate.tag, old, new, element.action)
        if action == Change.KEPT:
            return NO_ROWS
        hashed = self.keys.hashed
        new_hash = "" if new is None else hashed(new)
        return ElementRows(
            cells=f'["{element.attribute}","{action}","{element.reason}","{element.vr}",'
            f'"{hashed(old)}","{new_hash}"]',
            originals=(old if len(old) <= LONGEST_SEALED else b"",),
            differences=(Difference(element.attribute, action),),
        )

    def _remembered(self, level: Level, fate: Fate, comparison: Comparison) -> ElementRows:
        """The rows of an element, made once for equal bytes before and after."""
        creator = ""
        if fate.tag >> 16 & 1:
            creator = level.creators.get((fate.tag >> 16, fate.tag >> 8 & 0xFF), "")
        key = fate.before, fate.after, creator, level.explicit
        rows = self._known.get(key)
        if rows is not None:
            return rows
        rows = self._rows_of(comparison.changes(level, fate))
        if len(fate.before) <= _LONGEST_REMEMBERED or fate.tag in sequence_tags():
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[key] = rows
        return rows

    def _rows_of(self, changes: Sequence[AttributeChange]) -> ElementRows:
        return ElementRows(
            cells=",".join(map(self._cell, changes)),
            originals=tuple(original_of(change) for change in changes),
            differences=tuple(differing_of(changes)),
        )

    def _cell(self, change: AttributeChange) -> str:
        before, after = change.before, change.after
        old = "" if before is None else self.keys.hashed(before)
        new = "" if after is None else old if after == before else self.keys.hashed(after)
        reason = self._reason(change.reason)
        return f'["{change.attribute}","{change.action}","{reason}","{change.vr}","{old}","{new}"]'

    def _reason(self, words: str) -> str:
        """The name of a reason, which is written in words once."""
        name = self._reasons.get(words)
        if name is None:
            name = self.keys.hashed(words.encode())[:_NAME_DIGITS]
            self._reasons[words] = name
            self._add(f"reason:{name}", f'"reason":"{name}","words":{json.dumps(words)}')
        return name


def _is_kept(fate: Fate, explicit_out: bool) -> bool:
    """Whether an element that is no sequence has the same value as before, byte for byte."""
    after = fate.after
    start = value_start(after, explicit=explicit_out)
    return bool(after) and after[start:] == fate.before[fate.value :]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
