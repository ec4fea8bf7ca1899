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

from deidflow.audit.repeats import RepeatedRecords
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
_META_INSTANCE = "MediaStorageSOPInstanceUID"
_CHARSET = 0x00080005
_PADDING = b"\0 "


@dataclass
class Recorder:
    """Makes the records of the files of one subject, series after series."""

    keys: SubjectKeys
    _known: dict[tuple[bytes, bytes, str, bool], ElementRows] = field(default_factory=dict)
    _levels: dict[str, Repeated] = field(default_factory=dict)
    _metas: dict[tuple[bytes, bytes], Repeated] = field(default_factory=dict)
    _repeats: RepeatedRecords = field(init=False)

    def __post_init__(self) -> None:
        self._repeats = RepeatedRecords(self.keys)

    def taken(self) -> tuple[AuditRecord, ...]:
        """The records that were made since the last call."""
        return self._repeats.taken()

    def file(
        self, trail: FileTrail, output: str, source: str, *, is_staged: bool = False
    ) -> FileChanges:
        """Record a file that was de-identified; returns what differs.

        `is_staged`: where it is published, if at all, is decided later; `output` is its name.
        """
        comparison = Comparison(trail.elements)
        header = self._header(trail, comparison)
        meta, instance = self._meta(trail)
        varied = self._varied(trail, header, comparison)
        changed = [*varied, instance]

        name = json.dumps(output)
        staged = json.dumps(is_staged)
        filled = [rows.cells for rows in changed if rows.cells]
        cells = ",".join(filled)
        sealed = self._sealed(output, source, changed)
        self._repeats.add_file(
            f'"file":{name},"time":"{_now()}",'
            f'"staged":{staged},"header":"{header.name}","meta":"{meta.name}",'
            f'"changed":[{cells}],'
            f'"sealed":"{sealed}"'
        )

        differences = [meta.differences, header.differences]
        for rows in changed:
            differences.append(rows.differences)
        return FileChanges(tuple(differences))

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
        members = json.dumps(row)[1:-1]
        self._repeats.add_file(members)

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
        varying = {}
        for fate in trail.varied:
            varying[fate.tag] = self._varying(level, comparison, fate)

        cells = [element.cells for element in varying.values()]
        listed = ",".join(cells)
        raw_charset = level.raws.get(_CHARSET, b"")
        charset = raw_charset.decode("latin-1").strip()
        shown = json.dumps(charset)
        rest = f'"varying":[{listed}],"charset":{shown}'

        repeated = self._repeats.repeated("header", rows, rest)
        repeated = repeated._replace(varying=varying)
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
            reason=self._repeats.reason(reason),
        )

    # file meta information

    def _meta(self, trail: FileTrail) -> tuple[Repeated, ElementRows]:
        """What repeats of the file meta information, and the row of the instance's UID."""
        old_uid, old_rest = taken_apart(trail.meta)
        new_uid, new_rest = taken_apart(trail.new_meta)
        instance = VaryingElement(
            attribute=_META_INSTANCE,
            vr="UI",
            action="uid",
            reason=self._repeats.reason(FILE_META),
        )
        key = old_rest, new_rest
        meta = self._metas.get(key)
        if meta is None:
            rows = []
            for change in meta_changes(old_rest, new_rest):
                rows.append(self._rows_of([change]))
            meta = self._repeats.repeated("meta", rows, f'"varying":[{instance.cells}]')
            self._metas[key] = meta

        is_kept = old_uid.rstrip(_PADDING) == new_uid.rstrip(_PADDING)
        if is_kept:
            return meta, NO_ROWS
        row = self._row(instance, Change.REWRITTEN, old_uid, new_uid)
        return meta, row

    # what varies

    def _varied(
        self, trail: FileTrail, header: Repeated, comparison: Comparison
    ) -> Iterator[ElementRows]:
        level = trail.level
        explicit_out = comparison.elements.explicit_out
        sequences = sequence_tags()
        for fate in trail.varied:
            element = header.varying.get(fate.tag)
            has_rows_within = fate.notes or fate.tag in sequences
            if element is None or has_rows_within or element.vr == "SQ":
                yield self._remembered(level, fate, comparison)
            elif not _is_kept(fate, explicit_out):
                yield self._single(fate, element, explicit_out)

    def _single(self, fate: Fate, element: VaryingElement, explicit_out: bool) -> ElementRows:
        """The row of an element with one value, which no other file is expected to have."""
        old = fate.before[fate.value :]
        new: bytes | None = None
        if fate.after:
            start = value_start(fate.after, explicit=explicit_out)
            new = fate.after[start:]

        action = action_of(fate.tag, old, new, element.action)
        if action == Change.KEPT:
            return NO_ROWS
        return self._row(element, action, old, new)

    def _row(
        self, element: VaryingElement, action: str, old: bytes, new: bytes | None
    ) -> ElementRows:
        old_hash = self.keys.hashed(old)
        new_hash = "" if new is None else self.keys.hashed(new)
        original = old if len(old) <= LONGEST_SEALED else b""
        difference = Difference(element.attribute, action)
        return ElementRows(
            cells=f'["{element.attribute}","{action}","{element.reason}","{element.vr}",'
            f'"{old_hash}","{new_hash}"]',
            originals=(original,),
            differences=(difference,),
        )

    def _remembered(self, level: Level, fate: Fate, comparison: Comparison) -> ElementRows:
        """The rows of an element, made once for equal bytes before and after."""
        creator = _creator_of(level, fate.tag)
        key = fate.before, fate.after, creator, level.explicit
        rows = self._known.get(key)
        if rows is not None:
            return rows

        changes = comparison.changes(level, fate)
        rows = self._rows_of(changes)
        length = len(fate.before)
        is_short = length <= _LONGEST_REMEMBERED
        if is_short or fate.tag in sequence_tags():
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[key] = rows
        return rows

    def _rows_of(self, changes: Sequence[AttributeChange]) -> ElementRows:
        cells = [self._cell(change) for change in changes]
        originals = [original_of(change) for change in changes]
        differences = differing_of(changes)
        return ElementRows(
            cells=",".join(cells),
            originals=tuple(originals),
            differences=tuple(differences),
        )

    def _cell(self, change: AttributeChange) -> str:
        before = change.before
        after = change.after
        old = "" if before is None else self.keys.hashed(before)

        new = ""
        if after is not None:
            is_same = after == before
            new = old if is_same else self.keys.hashed(after)
        reason = self._repeats.reason(change.reason)
        return f'["{change.attribute}","{change.action}","{reason}","{change.vr}","{old}","{new}"]'


def _creator_of(level: Level, tag: int) -> str:
    """Whose private element it is; empty for an element of the standard."""
    group = tag >> 16
    if group % 2 == 0:
        return ""
    block = tag >> 8 & 0xFF
    return level.creators.get((group, block), "")


def _is_kept(fate: Fate, explicit_out: bool) -> bool:
    """Whether an element that is no sequence has the same value as before, byte for byte."""
    after = fate.after
    if not after:
        return False
    start = value_start(after, explicit=explicit_out)
    old = fate.before[fate.value :]
    return after[start:] == old


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
