"""The files of a release: their names and their checksums."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from deidflow.verifier.findings import Check, Mark
from deidflow.verifier.suspicion import Suspicion, looks_like_name, suspicions_in
from deidflow.verifier.uids import UUID_ROOT, is_named_by_uid

Roots = tuple[str, ...]
MANIFEST = "manifest.sha256"
PAGE = "report/index.html"
"""The page that `deidflow report` shares with a release."""
TOP_FILES = frozenset(("changes.tsv", "dataset.json", "subjects.tsv", MANIFEST, PAGE))
_BUILD = re.compile(rb"\b\d+\.\d+\.\d{8}\b")
"""The version of a program that is named by its day, as dcm2niix is."""
_SUBJECT = r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}"
SESSION = r"[A-Za-z0-9]{1,18}"
_SERIES = r"\d{3,}[a-z]{0,2}-[A-Z]{2,8}"
_OURS = re.compile(
    rf"{_SUBJECT}/{SESSION}/(?:session\.json|{_SERIES}/(?:"
    r"dicom/slice_\d{3,}\.dcm|image\w*\.(?:nii\.gz|json|bval|bvec)"
    r"|defaced_dicom/slice_\d{3,}\.dcm|defaced(?:_mask)?\w*\.nii\.gz|defaced\w*\.(?:json|bval|bvec)))"
)
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_HIDDEN_STAGING = ".deidflow"
_PLAIN_PART = re.compile(rf"{_SUBJECT}|{SESSION}|{_SERIES}")
_SEPARATORS = re.compile(r"[_\-.+]+")


@dataclass(frozen=True)
class Entry:
    """One file or odd thing below a release."""

    name: str
    """Path below the release, POSIX."""
    path: Path
    is_regular: bool

    @property
    def parts(self) -> list[str]:
        """The folders and the name."""
        return self.name.split("/")


def entries_below(release: Path) -> Iterator[Entry]:
    """Everything but folders below a release in order of names; links are not followed."""
    for place, folders, names in os.walk(release):
        folder = Path(place)
        linked = [name for name in folders if (folder / name).is_symlink()]
        folders[:] = sorted(set(folders) - {*linked, _HIDDEN_STAGING})

        for name in sorted([*names, *linked]):
            path = folder / name
            mode = path.lstat().st_mode
            below = path.relative_to(release).as_posix()
            yield Entry(
                below,
                path,
                is_regular=stat.S_ISREG(mode),
            )


def name_marks(entry: Entry, *, is_ours: bool, roots: Roots = (UUID_ROOT,)) -> Iterator[Mark]:
    """What is wrong with a file's name, place or kind; new UIDs are under one of `roots`."""
    if not entry.is_regular:
        yield Mark(
            Check.FILE,
            "kind",
            "is a link or a special file",
        )

    if is_ours:
        yield from _misplaced(entry)

    for part in entry.parts:
        for suspicion in sorted(
            _name_suspicions(
                part,
                roots,
                is_ours=is_ours,
            )
        ):
            yield Mark(
                Check.FILE,
                "name",
                f"looks like {suspicion}",
            )


def _misplaced(entry: Entry) -> Iterator[Mark]:
    if entry.name not in TOP_FILES and not _OURS.fullmatch(entry.name):
        yield Mark(
            Check.FILE,
            "name",
            "does not belong into a release",
        )


def shown_name(name: str, *, is_ours: bool, roots: Roots = (UUID_ROOT,)) -> str:
    """A path for a report: parts that look like a person are replaced by class and length."""
    return "/".join(
        _shown_part(
            part,
            roots,
            is_ours=is_ours,
        )
        for part in name.split("/")
    )


def _shown_part(part: str, roots: Roots, *, is_ours: bool) -> str:
    suspicions = sorted(
        _name_suspicions(
            part,
            roots,
            is_ours=is_ours,
        )
    )
    if not suspicions:
        return "".join(letter if letter.isprintable() else "?" for letter in part)
    return f"<{suspicions[0]}, {len(part)} characters>"


@lru_cache(maxsize=4096)
def _name_suspicions(part: str, roots: Roots, *, is_ours: bool = False) -> frozenset[str]:
    """What a part of a path looks like, as it is and with its separators as spaces."""
    if is_ours and _PLAIN_PART.fullmatch(part):
        # A pseudonym may look like a number of a person by chance, but not like a name.
        is_name = looks_like_name(_SEPARATORS.sub(" ", part))
        return frozenset((Suspicion.NAME.value,) if is_name else ())
    if not is_ours and is_named_by_uid(part, roots):
        return frozenset()
    spaced = _SEPARATORS.sub(" ", part)
    return frozenset(kind.value for text in (part, spaced) for kind in suspicions_in(text))


@dataclass
class Manifest:
    """Checksums that a release promises."""

    expected: dict[str, str]
    is_plain: bool = True
    """Whether every line is what `sha256sum` writes, and no file is named twice."""
    seen: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, release: Path) -> Manifest | None:
        """The table of a release; None where there is none."""
        path = release / MANIFEST
        if not path.is_file():
            return None
        expected: dict[str, str] = {}
        lines = path.read_text("utf-8", "replace").splitlines()
        matches = [match for match in map(_LINE.fullmatch, lines) if match]
        for match in matches:
            expected[match[2]] = match[1]
        return cls(expected, is_plain=len(expected) == len(lines))

    def marks(self, name: str, content: bytes) -> Iterator[Mark]:
        """Whether a file is the one that the table names."""
        if name == MANIFEST:
            return

        self.seen.add(name)
        expected = self.expected.get(name)
        if expected is None:
            yield Mark(
                Check.CHECKSUM,
                "SHA-256",
                "is not in the table of checksums",
            )
        elif hashlib.sha256(content).hexdigest() != expected:
            yield Mark(
                Check.CHECKSUM,
                "SHA-256",
                "differs from the table of checksums",
            )

    def missing(self) -> list[str]:
        """Files that the table names and that were not met."""
        return sorted(self.expected.keys() - self.seen)


def page_text(page: bytes) -> bytes:
    """The shared page without the versions of programs, which are days and nobody's."""
    return _BUILD.sub(b"version", page)
