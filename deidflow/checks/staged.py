"""A staged session as a whole: which files it holds, and the search of each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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
    allowed: dict[str, re.Pattern[str]] = {}
    for series in expected:
        pattern = _DEFACED if series.is_defaced else _WHOLE
        allowed[series.name] = pattern

    findings = []
    for path in _files(root):
        relative = path.relative_to(root)
        name = relative.as_posix()
        if name != _SUMMARY and not _is_allowed(name, allowed):
            stray = Finding(
                place=relative.parts[0],
                what=Defect.STRAY_FILE.value,
                count=1,
            )
            findings.append(stray)
    return findings


def _is_allowed(name: str, allowed: Mapping[str, re.Pattern[str]]) -> bool:
    """Whether a file is in the folder of a series and one that this may hold."""
    series, _, rest = name.partition("/")
    if series not in allowed:
        return False
    match = allowed[series].fullmatch(rest)
    return match is not None


def check_leaks(root: Path, search: LeakSearch) -> list[Finding]:
    """Search every file below `root`, its name too."""
    hits = PlacedHits()
    findings: list[Finding] = []
    for path in _files(root):
        place = _place(path, root)
        in_name = search.text("file name", path.name)
        _add_hits(hits, place, in_name)
        try:
            in_file = hits_of(path, search)
            _add_hits(hits, place, in_file)
        except NOT_READ:
            broken = Finding(
                place,
                Defect.BROKEN_FILE.value,
                1,
            )
            findings.append(broken)

    return findings + leaks_of(hits)


def check_others(root: Path, search: LeakSearch) -> list[Finding]:
    """Search what is not DICOM below `root`, and the names of all files."""
    hits = PlacedHits()
    findings: list[Finding] = []
    for path in _files(root):
        place = _place(path, root)
        in_name = search.text("file name", path.name)
        _add_hits(hits, place, in_name)
        if path.suffix == DICOM:
            continue

        try:
            in_file = hits_in(path, search)
            _add_hits(hits, place, in_file)
        except NOT_READ:
            kind = path.suffix or "a"
            broken = Finding(
                place,
                f"{kind} file is not what it should be",
                1,
            )
            findings.append(broken)

    return findings + leaks_of(hits)


def _files(root: Path) -> list[Path]:
    paths = root.rglob("*")
    files = [path for path in paths if not path.is_dir()]
    return sorted(files)


def _place(path: Path, root: Path) -> str:
    """The folder of the series, or the name of a file of the session."""
    return path.relative_to(root).parts[0]


def _add_hits(counts: PlacedHits, place: str, hits: Iterable[Hit]) -> None:
    for hit in hits:
        counts[place, hit] += 1
