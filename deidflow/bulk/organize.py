"""Sorted, de-duplicated copies of a source: subject, study, series, slice; the source is only read.

Names of copies never come from paths or free text of headers: subjects and studies are numbered,
series are named by number and modality. A table beside them says what each was. Nothing is
de-identified.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.bulk.locate import Located, locate
from deidflow.bulk.read import ReadFile, read_all, with_hashes
from deidflow.dicom.inventory import Entry
from deidflow.dicom.patients import patients_of
from deidflow.dicom.persons import Member
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.identity.names import number_of
from deidflow.store.files import safe_cell, sha256_of, write_bytes_atomic
from deidflow.store.process import memory_for
from deidflow.store.scratch import private_folder
from deidflow.verdicts import Reason, Verdict

TABLE = "organized.csv"
CONFLICTS = "conflicts"
_COPIED = "copied"
_MODALITY = re.compile(r"[A-Z]{2,8}")
_LONGEST_NUMBER = 8
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Row:
    """What became of one file of the source."""

    source: str
    verdict: str
    reason: str = ""
    copy: str = ""
    """The path of its copy below the output."""


@dataclass(frozen=True)
class Organized:
    """How many files were copied, were duplicates, and so on."""

    counts: Counter[str]

    @property
    def exit_code(self) -> int:
        """5 where a file could not be read or copied, 4 for conflicts and broken files, else 0."""
        if self.counts[Verdict.FAILED]:
            return 5
        return 4 if self.counts[Verdict.QUARANTINED] else 0


def organize(
    sources: Sequence[Path], out: Path, *, workers: int = 0, force: bool = False
) -> Organized:
    """Copy every instance once into a sorted tree.

    Files of one SOP Instance UID with different contents are copied beside the tree. Raises
    UsageError before anything is written, for an output that is not empty or lies in the source.
    """
    located = locate(sources)
    place = Path(os.path.realpath(out))
    _check_output(place, sources)
    count = workers or os.cpu_count() or 1
    rows = read_all(located, count, memory_for(count), force=force, signed=False)
    rows = with_hashes(located, rows)

    private_folder(place, "output")
    written = [*_copied(rows, located, place), *_not_copied(rows)]
    _write_table(place, written)
    return Organized(Counter(row.verdict for row in written))


def _check_output(out: Path, sources: Sequence[Path]) -> None:
    for source in sources:
        real = Path(os.path.realpath(source))
        if out.is_relative_to(real) or real.is_relative_to(out):
            raise UsageError(
                "the output lies inside the source, or the source in the output; "
                "choose another folder"
            )
    try:
        filled = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as error:
        raise EnvironmentFault(f"the output cannot be read: {error.strerror}") from None
    if filled:
        raise UsageError("the output is not an empty folder; choose another")


def _not_copied(rows: Iterable[ReadFile]) -> Iterable[Row]:
    """Files that are not readable instances."""
    for row in rows:
        entry = row.entry
        if entry.instance is None:
            reason = entry.reason.words if entry.reason else ""
            yield Row(entry.path, entry.verdict or Verdict.FAILED, reason)


# the tree


def _copied(rows: Sequence[ReadFile], located: Located, out: Path) -> Iterable[Row]:
    """Copy each instance once, in the order of the tree."""
    readable = [row for row in rows if row.entry.instance is not None]
    unique, duplicates, conflicting = _by_uid(readable)
    yield from duplicates
    for name, row in _tree(unique):
        yield _copy(located.root, row.entry.path, out, name)
    for number, row in enumerate(conflicting, 1):
        name = f"{CONFLICTS}/{number:04d}.dcm"
        copied = _copy(located.root, row.entry.path, out, name)
        if copied.verdict == _COPIED:
            reason = Reason.CONFLICTING_COPIES.words
            copied = Row(copied.source, Verdict.QUARANTINED, reason, copied.copy)
        yield copied


def _by_uid(rows: Sequence[ReadFile]) -> tuple[list[ReadFile], list[Row], list[ReadFile]]:
    """Files to copy, further copies of their content, and different contents of one UID."""
    versions: defaultdict[str, dict[str, list[ReadFile]]] = defaultdict(dict)
    for row in rows:
        contents = versions[_instance_uid(row)]
        contents.setdefault(row.entry.sha256, []).append(row)

    unique: list[ReadFile] = []
    duplicates: list[Row] = []
    conflicting: list[ReadFile] = []
    for contents in versions.values():
        for same in contents.values():
            kept = conflicting if len(contents) > 1 else unique
            kept.append(same[0])
            for other in same[1:]:
                reason = Reason.COPY.words
                duplicates.append(Row(other.entry.path, Verdict.DUPLICATE, reason))
    return unique, duplicates, conflicting


def _instance_uid(row: ReadFile) -> str:
    return row.entry.instance.sop_uid if row.entry.instance else ""


def _tree(rows: Sequence[ReadFile]) -> Iterable[tuple[str, ReadFile]]:
    """Path and file of each copy: `subject-001/study-01/003-MR/0001.dcm`."""
    owners = patients_of(_members(rows)).owners
    by_subject: defaultdict[str, list[ReadFile]] = defaultdict(list)
    for row in rows:
        by_subject[owners[row.entry.path]].append(row)

    for number, subject in enumerate(sorted(by_subject), 1):
        for study, files in enumerate(_studies(by_subject[subject]), 1):
            for name, series in _series(files):
                folder = f"subject-{number:03d}/study-{study:02d}/{name}"
                for place, row in enumerate(series, 1):
                    yield f"{folder}/{place:04d}.dcm", row


def _members(rows: Sequence[ReadFile]) -> list[Member]:
    members = []
    for row in rows:
        if row.entry.instance is not None:
            members.append(Member(row.entry.path, row.entry.sha256, row.entry.instance))
    return members


def _studies(rows: Sequence[ReadFile]) -> list[list[ReadFile]]:
    """The studies of a subject, the earliest first."""
    studies: defaultdict[str, list[ReadFile]] = defaultdict(list)
    for row in rows:
        studies[_text(row.entry, "study_uid")].append(row)

    def moment(uid: str) -> tuple[str, str]:
        return min(_text(row.entry, "study_date") for row in studies[uid]), uid

    return [studies[uid] for uid in sorted(studies, key=moment)]


def _series(rows: Sequence[ReadFile]) -> Iterable[tuple[str, list[ReadFile]]]:
    """The series of a study with their names, slices by position, then by instance number."""
    series: defaultdict[str, list[ReadFile]] = defaultdict(list)
    for row in rows:
        series[_text(row.entry, "series_uid")].append(row)

    names: Counter[str] = Counter()
    for uid in sorted(series, key=lambda uid: (series_number(series[uid][0]), uid)):
        name = _series_name(series[uid][0])
        names[name] += 1
        suffix = f"-{names[name]}" if names[name] > 1 else ""
        yield name + suffix, sorted(series[uid], key=_slice_order)


def series_number(row: ReadFile) -> int:
    """The number of a file's series, 0 where it is none or absurd."""
    number = abs(number_of(_text(row.entry, "series_number")))
    return number if len(str(number)) <= _LONGEST_NUMBER else 0


def _series_name(row: ReadFile) -> str:
    modality = _text(row.entry, "modality")
    kind = modality if _MODALITY.fullmatch(modality) else "OT"
    return f"{series_number(row):03d}-{kind}"


def _slice_order(row: ReadFile) -> tuple[object, ...]:
    return row.position, number_of(_text(row.entry, "instance_number")), _instance_uid(row)


def _text(entry: Entry, field: str) -> str:
    return str(getattr(entry.instance, field)).strip()


# files


def _copy(root: Path, path: str, out: Path, name: str) -> Row:
    """Copy a file and read the copy again; one that changes meanwhile or cannot be read fails."""
    target = out / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _copy_bytes(root / path, target)
        is_equal = sha256_of(root / path) == sha256_of(target)
    except OSError:
        target.unlink(missing_ok=True)
        return Row(path, Verdict.FAILED, Reason.UNREADABLE.words)
    if not is_equal:
        target.unlink()
        return Row(path, Verdict.FAILED, Reason.SOURCE_CHANGED.words)
    return Row(path, _COPIED, copy=name)


def _copy_bytes(source: Path, target: Path) -> None:
    """Copy the content only; a link that took the file's place is not followed."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    opened = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "rb") as reader, os.fdopen(opened, "wb") as writer:
        while chunk := reader.read(_CHUNK):
            writer.write(chunk)


def _write_table(out: Path, rows: Sequence[Row]) -> None:
    """The table of every file of the source; as private as the paths in it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("source_path", "verdict", "copy", "reason"))
    for row in sorted(rows, key=lambda row: row.source):
        writer.writerow(map(safe_cell, (row.source, row.verdict, row.copy, row.reason)))
    write_bytes_atomic(out / TABLE, text.getvalue().encode("utf-8", "surrogateescape"))
