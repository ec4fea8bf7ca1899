"""What the check of one session needs to know of everybody else: written once a run, mapped by every child."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deidflow.checks.cohort import Cohort
from deidflow.dicom.grouping import Cohort as Group
from deidflow.dicom.grouping import Subject
from deidflow.dicom.instance import DATES
from deidflow.identity.vault import Identity
from deidflow.store.files import read_json, write_bytes_atomic

_FILES = "files.json"
_UIDS = "uid"


@dataclass(frozen=True)
class Neighbours:
    """Everybody in the run: hashes of what identifies, by kind, and some files of each."""

    folder: Path
    key: bytes

    def cohort(self, kinds: Iterable[str], *, with_uids: bool) -> Cohort:
        """The identifiers of everybody, of the kinds that a profile promises to take away."""
        wanted = [*sorted(kinds), *([_UIDS] if with_uids else [])]
        paths = (self.folder / f"{kind}.npy" for kind in wanted)
        return Cohort.open([path for path in paths if path.exists()], self.key)

    def files_of_others(self, pseudonym: str) -> list[list[Path]]:
        """For each other subject, one source file of each series."""
        rows = read_json(self.folder / _FILES) or {}
        source = Path(rows.get("source", ""))
        subjects = rows.get("subjects", {})
        return [
            [source / path for path in paths]
            for other, paths in sorted(subjects.items())
            if other != pseudonym
        ]


def write_neighbours(
    group: Group,
    identities: dict[str, Identity],
    source: Path,
    folder: Path,
    key: bytes,
    *,
    with_uids: bool = True,
    places: Mapping[str, Path] | None = None,
) -> None:
    """Write what the checks of this run look up: hashes of identifiers, by kind, and files by subject.

    `places` says where files are that are not below the source: members of archives.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    by_kind: dict[str, set[str]] = {}
    for subject in group.subjects:
        for kind, value in subject.identifiers:
            if kind not in DATES:
                by_kind.setdefault(kind, set()).add(value)
    for path in folder.glob("*.npy"):
        if path.stem not in by_kind:
            path.unlink()
    for kind, values in by_kind.items():
        Cohort.of(((kind, value) for value in values), (), key).save(folder / f"{kind}.npy")
    if with_uids:
        Cohort.of((), _uids(group), key).save(folder / f"{_UIDS}.npy")
    files = {}
    for subject in group.subjects:
        paths = [str((places or {}).get(path, path)) for path in _files(subject)]
        files[identities[subject.key].pseudonym] = paths
    content = json.dumps({"source": str(source), "subjects": files}, sort_keys=True)
    write_bytes_atomic(folder / _FILES, content.encode("ascii"))


def _uids(group: Group) -> set[str]:
    """UIDs of every study, series and instance of the run."""
    uids: set[str] = set()
    for subject in group.subjects:
        for study in subject.studies:
            uids.add(study.uid)
            for series in study.series:
                uids.add(series.uid)
                uids.update(member.instance.sop_uid for member in series.members)
    return uids


def _files(subject: Subject) -> list[str]:
    """One file of each series."""
    return [series.members[0].path for study in subject.studies for series in study.series]
