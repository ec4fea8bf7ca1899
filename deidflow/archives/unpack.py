"""Unpack the archives of a source into a private folder, keyed by content.

A member's locator is the archive's path and its place, `inbox/a.zip!/00001`;
each has its own verdict. The archive itself is skipped: its members are counted one by one. An
archive that breaks a bound is quarantined as a whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deidflow.archives.bounds import ArchiveRefused, Bounds, MemberRefused
from deidflow.archives.member import BROKEN, ArchiveMember
from deidflow.archives.members import copy_member, members_of
from deidflow.dicom.inventory import Entry, failed
from deidflow.store.files import read_json, remove_tree, write_json_atomic
from deidflow.store.scratch import private_folder
from deidflow.verdicts import Reason, Verdict

MARK = "!/"
"""Stands between the path of an archive and the number of a member."""
_RECORD = "members.json"
_SCHEMA = 1
_UNOPENED = frozenset((Reason.ARCHIVE,))
_SKIPPED = frozenset((Reason.ARCHIVE_NOT_REGULAR, Reason.ARCHIVE))


@dataclass(frozen=True)
class UnpackedFile:
    """A member that was unpacked: its locator, and where it is now."""

    locator: str
    path: Path


@dataclass(frozen=True)
class Unpacked:
    """The members to be read in place of archives, and the verdicts of all else."""

    files: tuple[UnpackedFile, ...]
    entries: tuple[Entry, ...]
    """One for each archive, and one for each member that was not unpacked."""
    digests: frozenset[str]
    """Content hashes of the archives, the names of their folders."""


def is_packed(entry: Entry) -> bool:
    """Whether an entry of an inventory is an archive that has not been opened."""
    return entry.reason in _UNOPENED and bool(entry.sha256)


def unpack_archives(
    source: Path, entries: Iterable[Entry], folder: Path, bounds: Bounds | None = None
) -> Unpacked:
    """Unpack every archive among the entries of an inventory; one unpacked before is not again.

    `folder` is private, in the vault's work. All archives together take at most half of its free
    space. Raises EnvironmentFault where the folder cannot be written.
    """
    private_folder(
        folder,
        "vault's folder for archives",
    )
    left = shutil.disk_usage(folder).free // 2
    wanted = bounds or Bounds()
    files: list[UnpackedFile] = []
    verdicts: list[Entry] = []
    digests: set[str] = set()

    for entry in entries:
        if not is_packed(entry):
            continue
        limited = replace(
            wanted,
            total_bytes=min(wanted.total_bytes, left),
        )
        record = _unpacked(
            source / entry.path,
            folder / entry.sha256,
            limited,
        )
        left -= record.new_bytes
        digests.add(entry.sha256)
        verdicts.append(_of_archive(entry, record))
        for number, reason in record.members:
            locator = member_locator(entry.path, number)
            if reason is None:
                files.append(
                    UnpackedFile(
                        locator,
                        folder / entry.sha256 / member_name(number),
                    )
                )
            else:
                verdicts.append(_of_member(locator, reason))
    return Unpacked(
        tuple(files),
        tuple(verdicts),
        frozenset(digests),
    )


def forget_unpacked(folder: Path, kept: Iterable[str]) -> None:
    """Delete what was unpacked of archives that are no longer in the source."""
    names = set(kept)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in names:
            remove_tree(path)


def forget_members(paths: Iterable[Path]) -> None:
    """Delete unpacked files; the next run unpacks their archives anew."""
    for path in paths:
        record = path.with_name(_RECORD)
        record.unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def member_name(number: int) -> str:
    """The name of an unpacked file."""
    return f"{number:05d}"


def member_locator(archive: str, number: int) -> str:
    """How a member is called in every table: never by its own name."""
    return f"{archive}{MARK}{member_name(number)}"


def archive_of(locator: str) -> str:
    """The archive of a member; a file that is none is its own."""
    archive, _, _ = locator.partition(MARK)
    return archive


@dataclass(frozen=True)
class _Record:
    """What became of the members of one archive, by number; `refused` if of the whole."""

    members: tuple[tuple[int, Reason | None], ...]
    refused: Reason | None = None
    new_bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """The record as a dict."""
        rows = [[number, reason] for number, reason in self.members]
        return {"schema": _SCHEMA, "members": rows, "refused": self.refused}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> _Record:
        """The inverse of `to_json`."""
        members = []
        for number, reason in row["members"]:
            members.append((number, Reason(reason) if reason else None))
        refused = row["refused"]
        return cls(
            tuple(members),
            Reason(refused) if refused else None,
        )


def _of_archive(entry: Entry, record: _Record) -> Entry:
    if record.refused is None:
        return entry._replace(reason=Reason.ARCHIVE_UNPACKED)
    if record.refused in _SKIPPED:
        return entry
    return entry._replace(
        verdict=Verdict.QUARANTINED,
        reason=record.refused,
    )


def _of_member(locator: str, reason: Reason) -> Entry:
    verdict = Verdict.SKIPPED if reason in _SKIPPED else Verdict.QUARANTINED
    return failed(locator, reason, verdict)


def _unpacked(archive: Path, folder: Path, bounds: Bounds) -> _Record:
    """The record of an archive, unpacked now or before."""
    row = read_json(folder / _RECORD)
    if isinstance(row, dict) and row.get("schema") == _SCHEMA:
        return _Record.from_json(row)

    part = folder.with_name(f"{folder.name}.part")
    remove_tree(part)
    remove_tree(folder)
    private_folder(part, "vault's folder for archives")
    record = _unpack(archive, part, bounds)
    # Lack of room is not a property of the archive: the next run tries again.
    if record.refused is Reason.ARCHIVE_TOTAL:
        remove_tree(part)
        return record
    write_json_atomic(part / _RECORD, record.to_json())
    part.rename(folder)
    return record


def _unpack(archive: Path, folder: Path, bounds: Bounds) -> _Record:
    members: list[tuple[int, Reason | None]] = []
    total = 0
    try:
        packed = archive.stat().st_size
        for member in members_of(archive, bounds):
            reason, size = _take(member, folder, bounds)
            members.append((member.number, reason))
            total += size
            bounds.check_total(total)
            bounds.check_ratio(total, packed)
    except ArchiveRefused as error:
        _empty(folder, members)
        return _Record((), error.reason)
    except BROKEN:
        _empty(folder, members)
        return _Record((), Reason.ARCHIVE_BROKEN)
    return _Record(tuple(members), None, total)


def _take(member: ArchiveMember, folder: Path, bounds: Bounds) -> tuple[Reason | None, int]:
    """Unpack one member; returns the reason against it, and the bytes that were written."""
    if member.reason is not None:
        return member.reason, 0
    try:
        return None, copy_member(
            member,
            folder / member_name(member.number),
            bounds,
        )
    except MemberRefused as error:
        return error.reason, 0


def _empty(folder: Path, members: Sequence[tuple[int, Reason | None]]) -> None:
    """Remove what was unpacked before the archive was refused."""
    for number, _ in members:
        (folder / member_name(number)).unlink(missing_ok=True)
