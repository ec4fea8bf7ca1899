"""Check one staged session against its source: leaks, counts, structure, stored values outside the mask."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from deidflow.checks.elements import File, NotReadable, open_file
from deidflow.checks.files import hits_in
from deidflow.checks.fragments import texts_in
from deidflow.checks.leaks import Hit, LeakSearch
from deidflow.checks.pixels import differ
from deidflow.checks.source import Facts, SourceFile
from deidflow.checks.words import readable

LEAK = "leak"
DIFFER = "stored values differ outside the mask"
_SOP_CLASS, _INSTANCE = 0x00080016, 0x00080018
_META_CLASS, _META_INSTANCE = 0x00020002, 0x00020003
_META = frozenset(
    (0x00020000, 0x00020001, _META_CLASS, _META_INSTANCE, 0x00020010, 0x00020012, 0x00020013)
)
_DEFACED = re.compile(
    r"defaced_dicom/slice_\d+\.dcm|defaced(_mask)?\w*\.nii\.gz|defaced\w*\.(json|bval|bvec)"
)
_WHOLE = re.compile(r"dicom/slice_\d+\.dcm|image\w*\.(nii\.gz|json|bval|bvec)")
_NOT_READ = (
    NotReadable,
    ValueError,
    KeyError,
    AttributeError,
    RuntimeError,
    IndexError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Finding:
    """Something that must not be: where, what, how often. Holds no value that was found."""

    place: str
    what: str
    count: int
    attribute: str = ""
    """The attribute, key or part of a file that holds it."""
    whose: str = ""
    """Whose identifier it is: `own` or `another's`."""


@dataclass(frozen=True)
class ExpectedSeries:
    """What a staged series must be: its sources in any order, its masks (None: all pixels are kept).

    `scratch` is a private folder for decoding.
    """

    name: str
    sources: tuple[SourceFile, ...]
    masks: Path | None
    scratch: Path


def check_names(root: Path, expected: Sequence[ExpectedSeries]) -> list[Finding]:
    """Findings for files that do not belong into a session with these series."""
    allowed = {series.name: _DEFACED if series.masks else _WHOLE for series in expected}
    findings = []
    for path in _files(root):
        series, _, rest = path.relative_to(root).as_posix().partition("/")
        fits = series in allowed and allowed[series].fullmatch(rest) is not None
        if not fits and (series, rest) != ("session.json", ""):
            findings.append(Finding(series, "a file that does not belong here", 1))
    return findings


def check_leaks(root: Path, search: LeakSearch) -> list[Finding]:
    """Search every file below `root`, its name too."""
    hits: Counter[tuple[str, Hit]] = Counter()
    findings: list[Finding] = []
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        hits.update((name.partition("/")[0], hit) for hit in search.text("file name", path.name))
        try:
            hits.update((name.partition("/")[0], hit) for hit in hits_of(path, search))
        except _NOT_READ:
            findings.append(
                Finding(name.partition("/")[0], "a file that is not what it should be", 1)
            )
    return findings + _as_findings(hits)


def hits_of(path: Path, search: LeakSearch) -> Iterator[Hit]:
    """Identifiers in one file; raises one of the errors of reading for a file that is broken."""
    if path.suffix != ".dcm":
        yield from hits_in(path, search)
        return
    file = open_file(path.read_bytes())
    for element in file.elements():
        yield from search.element(element)
    yield from _beside_elements(file, search)


def check_series(folder: Path, expected: ExpectedSeries, search: LeakSearch) -> list[Finding]:
    """Search a staged series, and compare it with its sources, matched by what is in them, not by name."""
    check = _SeriesCheck(folder, expected, search)
    findings = check.instances()
    if expected.masks and not findings:
        findings += _mask_image(folder, expected.name, check.masks)
    return findings


def check_others(root: Path, search: LeakSearch) -> list[Finding]:
    """Search what is not DICOM below `root`, and the names of all files."""
    hits: Counter[tuple[str, Hit]] = Counter()
    findings = []
    for path in _files(root):
        place = path.relative_to(root).as_posix().partition("/")[0]
        hits.update((place, hit) for hit in search.text("file name", path.name))
        if path.suffix == ".dcm":
            continue
        try:
            hits.update((place, hit) for hit in hits_in(path, search))
        except _NOT_READ:
            findings.append(
                Finding(place, f"{path.suffix or 'a'} file is not what it should be", 1)
            )
    return findings + _as_findings(hits)


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if not path.is_dir())


def _as_findings(hits: Mapping[tuple[str, Hit], int]) -> list[Finding]:
    return [
        Finding(place, f"{LEAK}: {hit.kind}", count, hit.attribute, hit.whose)
        for (place, hit), count in hits.items()
    ]


def _beside_elements(file: File, search: LeakSearch) -> Iterator[Hit]:
    """Identifiers in preamble, file meta, and compressed pixels."""
    yield from search.binary("preamble", readable(file.preamble))
    for tag, raw in file.meta.items():
        if tag not in _META:
            yield from search.binary("file meta", readable(raw + bytes(4)))
    if file.pixels is not None and file.pixels.encapsulated:
        for part in texts_in(file.stored):
            yield from search.binary("PixelData", readable(part))


@dataclass
class _SeriesCheck:
    folder: Path
    expected: ExpectedSeries
    search: LeakSearch
    masks: Mapping[str, Any] = field(default_factory=dict)
    hits: Counter[tuple[str, Hit]] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def instances(self) -> list[Finding]:
        """Findings of all instances."""
        expected = self.expected
        staged = sorted(
            (self.folder / ("defaced_dicom" if expected.masks else "dicom")).glob("*.dcm")
        )
        if len(staged) != len(expected.sources):
            difference = abs(len(staged) - len(expected.sources))
            return [Finding(expected.name, "instances missing or added", difference)]
        self.masks = dict(np.load(expected.masks)) if expected.masks else {}
        sources = _by_identity(expected.sources)
        for path in staged:
            self._instance(path, sources)
        found = [
            Finding(expected.name, what, count) for what, count in self.counts.items() if count
        ]
        return found + _as_findings(self.hits)

    def _instance(self, path: Path, sources: Mapping[object, Sequence[SourceFile]]) -> None:
        """Read a staged instance once: search its values, check its structure, compare its pixels."""
        content = path.read_bytes()
        file, facts = open_file(content), Facts()
        for element in file.elements():
            for hit in self.search.element(element):
                self.hits[self.expected.name, hit] += 1
            facts.take(element)
            if element.level.depth == 0 and element.tag in (_SOP_CLASS, _INSTANCE):
                facts.top[element.tag] = element.raw
        self.hits.update((self.expected.name, hit) for hit in _beside_elements(file, self.search))
        self.counts["file meta does not fit the instance"] += not _meta_fits(file, facts)
        self._pixels(path.name, content, file, facts, sources.get(facts.identity, ()))

    def _pixels(
        self, name: str, content: bytes, file: File, facts: Facts, matches: Sequence[SourceFile]
    ) -> None:
        cells = facts.cells(file)
        if cells is not None and cells.padding > 1:
            self.counts["bytes behind the stored values"] += 1
        if not matches:
            self.counts["instance without a source"] += 1
            return
        mask, scratch = self.masks.get(name), self.expected.scratch
        for source in matches:
            before = source.path.read_bytes()
            if not differ(before, content, (source.cells, cells), mask, scratch):
                return
        self.counts[DIFFER] += 1


def _by_identity(sources: Sequence[SourceFile]) -> dict[object, list[SourceFile]]:
    groups: dict[object, list[SourceFile]] = {}
    for source in sources:
        groups.setdefault(source.identity, []).append(source)
    return groups


def _meta_fits(file: File, facts: Facts) -> bool:
    """Whether preamble and file meta hold what the data set says, and nothing else (PS3.10 section 7.1)."""
    pairs = ((_META_CLASS, _SOP_CLASS), (_META_INSTANCE, _INSTANCE))
    same = all(
        file.meta.get(meta, b"").rstrip(b"\0 ") == facts.top.get(tag, b"").rstrip(b"\0 ")
        for meta, tag in pairs
    )
    return same and file.meta.keys() <= _META and not any(file.preamble)


def _mask_image(folder: Path, name: str, masks: Mapping[str, Any]) -> list[Finding]:
    """The mask's NIfTI must remove as many voxels as the DICOM masks, beside what tiles leave empty."""
    in_dicom = sum(int(np.unpackbits(packed).sum()) for packed in masks.values())
    in_nifti = 0
    for path in sorted(folder.glob("defaced_mask*.nii.gz")):
        with gzip.open(path) as stream:
            values = np.asarray(nibabel.Nifti1Image.from_bytes(stream.read()).dataobj)
        in_nifti += int((values == 0).sum())
    difference = abs(in_dicom - in_nifti)
    return [Finding(name, "mask of NIfTI and DICOM differ", difference)] if difference else []
