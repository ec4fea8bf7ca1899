"""What a verification finds: which check, in which file, at which attribute; never a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from deidflow.verifier.face_report import FaceReport

SCHEMA = 1
"""Version of the JSON form of a report."""


class Check(StrEnum):
    """The kinds of findings."""

    STRUCTURE = "structure"
    PIXELS = "pixels"
    FORBIDDEN = "forbidden attribute"
    PRIVATE = "private element"
    TEXT = "identifying text"
    DATE = "date"
    UID = "uid"
    MARKER = "marker"
    CHECKSUM = "checksum"
    NIFTI = "nifti header"
    SIDECAR = "sidecar"
    FILE = "file"
    TABLE = "table"
    PATIENT = "patient"
    CONFORMANCE = "conformance"
    LEAK = "leak"
    CONSERVATION = "conservation"
    MASK = "mask"
    REFERENCE = "reference"
    INTERVAL = "interval"
    CRITERIA = "criteria"
    FACE = "face"


class Mark(NamedTuple):
    """A finding before it has a file: check, attribute and what is wrong with it."""

    check: Check
    attribute: str
    problem: str


class Finding(NamedTuple):
    """Something that must not be."""

    file: str
    """Path below the release, POSIX."""
    check: Check
    attribute: str
    """Keyword with the sequences above it, key, field, or part of the file."""
    problem: str


class Group(NamedTuple):
    """Equal findings of several files."""

    check: Check
    attribute: str
    problem: str
    files: int
    first: str


@dataclass
class Report:
    """The result of one verification."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What could not be checked, and why."""
    files: Counter[str] = field(default_factory=Counter)
    """Number of files read, per kind."""
    faces: FaceReport | None = None
    """What the judges of faces saw, where they were asked."""

    def add(self, file: str, marks: Iterable[Mark]) -> None:
        """Add the marks of one file."""
        for mark in marks:
            self.findings.append(Finding(file, *mark))

    def note(self, text: str) -> None:
        """Say once what could not be checked."""
        if text not in self.notes:
            self.notes.append(text)

    def groups(self) -> list[Group]:
        """Equal findings together, those of most files first."""
        first: dict[tuple[Check, str, str], str] = {}
        counts: Counter[tuple[Check, str, str]] = Counter()
        for finding in self.findings:
            key = finding.check, finding.attribute, finding.problem
            counts[key] += 1
            first.setdefault(key, finding.file)
        return [
            Group(
                *key,
                count,
                first[key],
            )
            for key, count in counts.most_common()
        ]

    @property
    def sessions(self) -> list[str]:
        """Folders of the sessions (`P001/M00`) with a finding."""
        folders = {tuple(finding.file.split("/")[:2]) for finding in self.findings}
        return sorted("/".join(parts) for parts in folders if len(parts) == 2)

    def to_json(self) -> dict[str, object]:
        """The report as plain lists and dicts."""
        rows = [
            {
                "file": finding.file,
                "check": finding.check.value,
                "attribute": finding.attribute,
                "problem": finding.problem,
            }
            for finding in self.findings
        ]

        return {
            "schema": SCHEMA,
            "clean": not rows,
            "files": dict(sorted(self.files.items())),
            "notes": self.notes,
            "findings": rows,
        }
