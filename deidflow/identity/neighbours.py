"""What the check of a session knows about everybody else: written once per run, then mapped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deidflow.checks.cohort import CohortIndex
from deidflow.dicom.attributes import DATES
from deidflow.dicom.grouping import Series, Study, Subject
from deidflow.dicom.instance import Pair
from deidflow.identity.vault import Identity
from deidflow.store.files import read_json, write_json_atomic

_FILES = "files.json"
_UIDS = "uid"


@dataclass(frozen=True)
class Neighbours:
    """Everybody in the run: hashes of what identifies, by kind, and some files of each."""

    folder: Path
    key: bytes

    def cohort(self, kinds: Iterable[str], *, with_uids: bool) -> CohortIndex:
        """The identifiers of everybody, of the kinds that a profile promises to remove."""
        wanted = sorted(kinds)
        if with_uids:
            wanted.append(_UIDS)
        paths = [_index_path(self.folder, kind) for kind in wanted]
        existing = filter(Path.exists, paths)
        return CohortIndex.open(existing, self.key)

    def files_of_others(self, pseudonym: str) -> list[list[Path]]:
        """For each other subject, one source file of each series; empty if none are recorded."""
        table = _FileTable.read(self.folder)
        others = []
        for subject in sorted(table.subjects):
            if subject != pseudonym:
                paths = table.paths(subject)
                others.append(paths)
        return others


@dataclass(frozen=True)
class _FileTable:
    """One file per series of each subject, by pseudonym."""

    source: str
    subjects: Mapping[str, list[str]]

    def paths(self, pseudonym: str) -> list[Path]:
        source = Path(self.source)
        return [source / name for name in self.subjects[pseudonym]]

    def write(self, folder: Path) -> None:
        content = {
            "source": self.source,
            "subjects": self.subjects,
        }
        write_json_atomic(folder / _FILES, content)

    @classmethod
    def read(cls, folder: Path) -> _FileTable:
        """The table of a folder; an empty one where there is none."""
        content: dict[str, Any] = read_json(folder / _FILES) or {}
        return cls(
            source=content.get("source", ""),
            subjects=content.get("subjects", {}),
        )


def _index_path(folder: Path, kind: str) -> Path:
    return folder / f"{kind}.npy"


@dataclass(frozen=True)
class Neighbour:
    """What the checks of everybody else look up of a subject."""

    key: str
    files: tuple[str, ...]
    """One of each series, by its locator."""
    hashes: Mapping[str, str]
    """Kind -> sorted hashes of what means one person, 8 bytes each, in hexadecimal."""


def neighbour_of(subject: Subject, key: bytes, *, with_uids: bool = True) -> Neighbour:
    """A subject as a neighbour; `key` is that of the hashes."""
    hashes = {}
    for kind, index in _indexes(subject, key, with_uids):
        hashes[kind] = index.hexadecimal()
    files = _one_file_per_series(subject)
    return Neighbour(subject.key, tuple(files), hashes)


def write_neighbours(
    neighbours: Iterable[Neighbour],
    identities: Mapping[str, Identity],
    source: Path,
    folder: Path,
    key: bytes,
    *,
    places: Mapping[str, Path] | None = None,
) -> None:
    """Write what the checks of this run look up.

    Hashes of identifiers by kind, and source files by subject. `places` says where files are that
    are not below the source: members of archives.
    """
    folder.mkdir(
        mode=0o700,
        parents=True,
        exist_ok=True,
    )
    indexes: defaultdict[str, list[CohortIndex]] = defaultdict(list)
    placed = places or {}
    files: dict[str, list[str]] = {}
    for neighbour in neighbours:
        for kind, text in neighbour.hashes.items():
            indexes[kind].append(CohortIndex.of_hexadecimal(text, key))
        identity = identities[neighbour.key]
        files[identity.pseudonym] = [str(placed.get(path, path)) for path in neighbour.files]

    _write_indexes(indexes, folder, key)
    table = _FileTable(str(source), files)
    table.write(folder)


def _write_indexes(indexes: Mapping[str, Sequence[CohortIndex]], folder: Path, key: bytes) -> None:
    """Write an index per kind; those of an earlier run go."""
    for path in folder.glob("*.npy"):
        if path.stem not in indexes:
            path.unlink()

    for kind, of_kind in indexes.items():
        index = CohortIndex.merged(of_kind, key)
        index.save(_index_path(folder, kind))


def _indexes(subject: Subject, key: bytes, with_uids: bool) -> Iterator[tuple[str, CohortIndex]]:
    """The identifiers of a subject that mean one person, by kind: dates do not."""
    values: defaultdict[str, list[Pair]] = defaultdict(list)
    for kind, value in subject.identifiers:
        if kind not in DATES:
            values[kind].append((kind, value))

    for kind, pairs in values.items():
        yield kind, CohortIndex.of(pairs, (), key)
    if with_uids:
        yield _UIDS, CohortIndex.of((), _uids(subject), key)


def _uids(subject: Subject) -> set[str]:
    """UIDs of every study, series and instance of a subject."""
    uids: set[str] = set()
    for study in subject.studies:
        uids.add(study.uid)
        for series in study.series:
            uids.update(_uids_of_series(series))
    return uids


def _uids_of_series(series: Series) -> set[str]:
    uids = {member.instance.sop_uid for member in series.members}
    uids.add(series.uid)
    return uids


def _one_file_per_series(subject: Subject) -> list[str]:
    paths = []
    for study in subject.studies:
        paths += _first_files(study)
    return paths


def _first_files(study: Study) -> list[str]:
    return [series.members[0].path for series in study.series]
