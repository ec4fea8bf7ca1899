"""A staged session as a whole: which files it holds, and the search of each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from deidflow.checks.file_search import DICOM, NOT_READ, hits_of
from deidflow.checks.files import hits_in
from deidflow.checks.findings import Defect, Finding, PlacedHits, leaks_of
from deidflow.checks.leaks import Hit, LeakSearch
from deidflow.checks.series import ExpectedSeries

_SUMMARY = "session.json"
_DEFACED = re.compile(
    r"defaced_dicom/slice_\d+\.dcm|defaced(_mask)?\w*\.nii\.gz|defaced\w*\.(json|bval|bvec)"
)
_WHOLE = re.compile(r"dicom/slice_\d+\.dcm|image\w*\.(nii\.gz|json|bval|bvec)")


def check_names(root: Path, expected: Sequence[ExpectedSeries]) -> list[Finding]:
    """Findings for files that do not belong into a session with these series."""
    allowed = {series.name: _DEFACED if series.masks else _WHOLE for series in expected}
    findings = []
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        if name == _SUMMARY:
            continue
        series, _, rest = name.partition("/")
        pattern = allowed.get(series)
        if pattern is None or not pattern.fullmatch(rest):
            stray = Finding(series, Defect.STRAY_FILE.value, 1)
            findings.append(stray)
    return findings


def check_leaks(root: Path, search: LeakSearch) -> list[Finding]:
    """Search every file below `root`, its name too."""
    hits = PlacedHits()
    findings: list[Finding] = []
    for path in _files(root):
        place = _place(path, root)
        _add_hits(hits, place, search.text("file name", path.name))
        try:
            _add_hits(hits, place, hits_of(path, search))
        except NOT_READ:
            broken = Finding(place, Defect.BROKEN_FILE.value, 1)
            findings.append(broken)
    return findings + leaks_of(hits)


def check_others(root: Path, search: LeakSearch) -> list[Finding]:
    """Search what is not DICOM below `root`, and the names of all files."""
    hits = PlacedHits()
    findings: list[Finding] = []
    for path in _files(root):
        place = _place(path, root)
        _add_hits(hits, place, search.text("file name", path.name))
        if path.suffix == DICOM:
            continue
        try:
            _add_hits(hits, place, hits_in(path, search))
        except NOT_READ:
            kind = path.suffix or "a"
            broken = Finding(place, f"{kind} file is not what it should be", 1)
            findings.append(broken)
    return findings + leaks_of(hits)


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if not path.is_dir())


def _place(path: Path, root: Path) -> str:
    """The folder of the series, or the name of a file of the session."""
    return path.relative_to(root).parts[0]


def _add_hits(counts: PlacedHits, place: str, hits: Iterable[Hit]) -> None:
    for hit in hits:
        counts[place, hit] += 1
