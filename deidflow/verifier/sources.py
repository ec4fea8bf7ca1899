"""Released instances against the files that they were made of: pixels, references, dates."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.checks.ours import CLASSES
from deidflow.checks.pixels import PixelFile, differ
from deidflow.verifier.attributes import WELL_KNOWN
from deidflow.verifier.claims import Claims
from deidflow.verifier.codestreams import essence_of
from deidflow.verifier.findings import Check, Finding, Mark
from deidflow.verifier.instance import Instance, name_of
from deidflow.verifier.masks import MaskedSeries, Plane
from deidflow.verifier.moments import days_by_name, moments_of
from deidflow.verifier.observers import Seen
from deidflow.verifier.pixels import cells_of, plane_of
from deidflow.verifier.reader import NotDicom
from deidflow.verifier.repeats import SeriesReader
from deidflow.verifier.values import values_of
from deidflow.verifier.vault import Row, VaultView

_SOP_INSTANCE = 0x00080018
_CHANGED = np.uint8(1)
_SHOWS = np.uint8(2)
"""Bits of a pixel beside its source: it changed; it is not of the most frequent value, air."""
_SAME_SHARE, _SAME_COUNT = 0.2, 20
"""So many pixels may be the same by chance where an average face is shown."""
_PIXEL_MODULE = (
    0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101,
    0x00280102, 0x00280103,
)  # fmt: skip
"""What says how stored values are to be read."""
_NOT_DECODED = (ValueError, KeyError, AttributeError, RuntimeError, IndexError, struct.error)


@dataclass
class SourceComparison:
    """Holds each released instance against its source."""

    vault: VaultView
    source: Path
    release: Path
    scratch: Path
    claims: Claims
    _met: set[str] = field(default_factory=set)
    """Released files that were met, by their path."""
    _uids: dict[str, str] = field(default_factory=dict)
    """Released UIDs by those of the source, as met."""
    _sources: dict[str, str] = field(default_factory=dict)
    """The inverse."""
    _moves: dict[tuple[str, str], timedelta] = field(default_factory=dict)
    """How far the moments of a session were moved, as first met."""
    _folder: str = ""
    _changed: MaskedSeries = field(default_factory=MaskedSeries)
    """Planes of the series at hand whose values say which pixels differ from the source."""
    _found: list[Finding] = field(default_factory=list)
    _reader: SeriesReader = field(default_factory=SeriesReader)

    # one instance

    def look(self, seen: Seen) -> Iterator[Mark]:
        """Marks of one instance beside its source."""
        name = seen.entry.name
        row = self.vault.by_released_path.get(name)
        if row is None:
            yield Mark(Check.CONSERVATION, "file", "is not in the vault's table of instances")
            return
        self._met.add(name)
        yield from self._belongs(seen, row)
        path = self.vault.source_of(row, self.source)

        try:
            content = path.read_bytes()
            before = self._reader.read(content)
        except OSError:
            yield Mark(Check.CONSERVATION, "source", "of the file is not there")
            return
        except NotDicom:
            yield Mark(Check.CONSERVATION, "source", "of the file is not plain DICOM")
            return
        if before.text(_SOP_INSTANCE) != row.sop_uid:
            yield Mark(Check.CONSERVATION, "source", "is another instance than the vault says")
        yield from self._uids_kept(before, seen.instance)
        yield from self._dates_moved(before, seen.instance, row)
        yield from self._pixels_kept(content, before, seen, row)

    def _belongs(self, seen: Seen, row: Row) -> Iterator[Mark]:
        """Whether the file lies with the patient whose source file it was made of."""
        if seen.entry.parts[:2] != [row.subject, row.session]:
            yield Mark(Check.PATIENT, "file", "lies with another subject than the vault says")
        owner = self.vault.owners.get(row.source_path)
        if owner is not None and owner != row.subject:
            yield Mark(Check.PATIENT, "file", "was made of a file of another patient")
        if seen.instance.text(_SOP_INSTANCE) != row.released_sop_uid:
            yield Mark(Check.REFERENCE, "SOPInstanceUID", "is not the one that the vault gave")

    # references

    def _uids_kept(self, before: Instance, after: Instance) -> Iterator[Mark]:
        """Whether UIDs are mapped alike everywhere, and none of the source is left."""
        originals, released = _uids_by_name(before), _uids_by_name(after)
        everything = {uid for uids in originals.values() for uid in uids}
        for name, uids in released.items():
            if not self.claims.retains_uids and everything.intersection(uids):
                yield Mark(Check.LEAK, name, "holds a UID of the source")
            sources = originals.get(name, [])
            if len(sources) != len(uids):
                continue
            for source, uid in zip(sources, uids, strict=True):
                if not self._is_mapped_alike(source, uid):
                    yield Mark(Check.REFERENCE, name, "does not point where the source does")
                    break

    def _is_mapped_alike(self, source: str, uid: str) -> bool:
        expected = self.vault.released_uids.get(source)
        if expected is not None:
            return uid == expected
        same = self._uids.setdefault(source, uid) == uid
        return same and self._sources.setdefault(uid, source) == source

    # dates

    def _dates_moved(self, before: Instance, after: Instance, row: Row) -> Iterator[Mark]:
        if self.claims.promise.dates == "shift":
            yield from self._days_shifted(before, after, row)
        elif self.claims.promise.dates == "clock":
            yield from self._moments_kept(before, after, row)

    def _days_shifted(self, before: Instance, after: Instance, row: Row) -> Iterator[Mark]:
        """Whether every day that is kept was moved by the patient's own number of days."""
        originals = days_by_name(before)
        for name, days in days_by_name(after).items():
            sources = originals.get(name, [])
            if len(sources) != len(days):
                continue
            for source, day in zip(sources, days, strict=True):
                if not self._is_shift(row.subject, day - source):
                    yield Mark(Check.INTERVAL, name, "was moved by another number of days")
                    break

    def _is_shift(self, subject: str, move: timedelta) -> bool:
        return self._moves.setdefault((subject, ""), move) == move

    def _moments_kept(self, before: Instance, after: Instance, row: Row) -> Iterator[Mark]:
        """Whether every moment of a study kept its distance from the others."""
        originals = moments_of(before)
        for name, moment in moments_of(after).items():
            if name not in originals:
                continue
            move = moment - originals[name]
            first = self._moves.setdefault((row.subject, row.session), move)
            if abs(move - first) > timedelta(seconds=1):
                yield Mark(Check.INTERVAL, name, "lost its distance from other moments")

    # pixels

    def _pixels_kept(
        self, content: bytes, before: Instance, seen: Seen, row: Row
    ) -> Iterator[Mark]:
        """Whether stored values are those of the source, but for what the mask removes."""
        after = seen.instance
        if before.pixels is None and after.pixels is None:
            return
        if (before.pixels is None) != (after.pixels is None):
            yield Mark(Check.PIXELS, "PixelData", "is missing, or was not there before")
            return
        is_masked = seen.entry.parts[-2] == "defaced_dicom"
        if is_masked and self._is_collected(before, seen):
            return

        name = seen.entry.parts[-1]
        removed = self.vault.mask(row.subject, row.session, row.series, name)
        if is_masked and removed is None:
            yield Mark(Check.MASK, "mask", "of the series is not in the vault")
            return
        if removed is None and _is_same_stream(before, after):
            return
        source = PixelFile(content, cells_of(before))
        released = PixelFile(seen.entry.path.read_bytes(), cells_of(after))
        try:
            refaced = self._is_refaced(seen)
            if differ(source, released, removed, self.scratch, refaced):
                yield Mark(Check.PIXELS, "PixelData", "differs from the source outside the mask")
        except _NOT_DECODED:
            yield Mark(Check.PIXELS, "PixelData", "cannot be compared with the source")

    def _is_collected(self, before: Instance, seen: Seen) -> bool:
        """Keep which pixels of a classic image changed; False for other images."""
        folder = seen.entry.path.parents[1]
        if self._folder != str(folder):
            self._judge_series()
            self._folder = str(folder)
            self._changed = MaskedSeries(list(seen.masks))

        plane = seen.plane
        values = plane_of(before)
        if plane is None or values is None or not self._changed.masks:
            return False
        if values.shape != plane.values.shape:
            return False
        compared = _compared(values, plane.values, refaced=self._is_refaced(seen))
        self._changed.planes.append(Plane(plane.name, compared, plane.steps))
        return True

    def _is_refaced(self, seen: Seen) -> bool:
        """Whether the release and the image both say that an average face is shown."""
        return self.claims.faces_replaced and seen.markers.is_refaced

    def _judge_series(self) -> None:
        """Hold the changed pixels of the series that was read against its mask."""
        stack = self._changed.stack()
        for plane in self._changed.planes:
            removed = stack.removed(plane)
            if removed is None:
                mark = Mark(Check.MASK, "mask", "does not lie on the grid of the image")
                self._found.append(Finding(plane.name, *mark))
                continue
            changed = plane.values & _CHANGED > 0
            if bool((changed & ~removed).any()):
                mark = Mark(Check.PIXELS, "PixelData", "differs from the source outside the mask")
                self._found.append(Finding(plane.name, *mark))
            if _resembles(plane.values[removed]):
                mark = Mark(Check.MASK, "PixelData", "shows the source inside the mask")
                self._found.append(Finding(plane.name, *mark))

        self._changed = MaskedSeries()

    # the end

    def end(self) -> Iterator[Finding]:
        """What only all files together show: conservation, and the masks of the last series."""
        self._judge_series()
        yield from self._found
        yield from self._shifts()

    def _shifts(self) -> Iterator[Finding]:
        """Whether subjects were moved by the days that the vault gave them."""
        if self.claims.promise.dates != "shift":
            return
        for (subject, _), move in sorted(self._moves.items()):
            expected = self.vault.orders[subject].shift_days
            if move.days != expected:
                mark = Mark(Check.INTERVAL, "dates", "were not moved by the vault's days")
                yield Finding(subject, *mark)


def _compared(before: NDArray[Any], after: NDArray[Any], *, refaced: bool) -> NDArray[np.uint8]:
    """Which pixels changed and, with `refaced`, which show more than air, as bits."""
    compared: NDArray[np.uint8] = (before != after).astype(np.uint8) * _CHANGED
    if refaced:
        values, counts = np.unique(after, return_counts=True)
        shows = after != values[counts.argmax()]
        compared |= shows.astype(np.uint8) * _SHOWS
    return compared


def _resembles(compared: NDArray[np.uint8]) -> bool:
    """Whether many of the pixels that show something show the same as before."""
    shows = int((compared & _SHOWS > 0).sum())
    same = int((compared == _SHOWS).sum())
    return same > _SAME_COUNT + _SAME_SHARE * shows


def _is_same_stream(before: Instance, after: Instance) -> bool:
    """Whether the pixels of two files are the same bytes, encoded in the same way."""
    first, second = before.pixels, after.pixels
    if first is None or second is None or before.syntax != after.syntax:
        return False
    if any(before.top.get(tag) != after.top.get(tag) for tag in _PIXEL_MODULE):
        return False
    stored = before.body[first.start : first.end]
    released = after.body[second.start : second.end]
    if not first.encapsulated:
        return stored == released
    return essence_of(stored) == essence_of(released)


def _uids_by_name(instance: Instance) -> dict[str, list[str]]:
    """UIDs of objects, in order, by attribute; without those of classes and of the standard."""
    uids: dict[str, list[str]] = {}
    for element in instance.elements:
        if element.vr == b"UI" and element.tag not in CLASSES:
            values = [uid for uid in values_of(element) if not uid.startswith(WELL_KNOWN)]
            uids.setdefault(name_of(element), []).extend(values)
    return uids
