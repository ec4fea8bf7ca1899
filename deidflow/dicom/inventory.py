"""Find every file below the source and say what it is."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from deidflow.dicom.file_kind import has_mark, with_mark, without_mark
from deidflow.dicom.instance import NESTED, WANTED, Instance, describe
from deidflow.dicom.skim import HEADS, Skimmer
from deidflow.dicom.structure import Limits, scan
from deidflow.errors import Withheld
from deidflow.verdicts import Reason, Verdict

DICOMDIR_CLASS = b"1.2.840.10008.1.3.10"
_META_CLASS = 0x00020002


@dataclass(frozen=True)
class Found:
    """A regular file below the source: its locator (path relative to the source) and signature."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @property
    def signature(self) -> tuple[int, int, int, int]:
        """Equal as long as the file was not touched."""
        return self.size, self.mtime_ns, self.ctime_ns, self.inode


class Entry(NamedTuple):
    """A file and what was read of it: an instance, or a verdict with its reason."""

    path: str
    sha256: str
    verdict: Verdict | None
    reason: Reason | None
    instance: Instance | None
    absent: tuple[str, ...] = ()
    """Files that a DICOMDIR lists and that are not there."""

    def to_json(self) -> dict[str, Any]:
        """The entry as a dict."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "verdict": self.verdict,
            "reason": self.reason,
            "instance": self.instance.to_json() if self.instance else None,
            "absent": list(self.absent),
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Entry:
        """The inverse of `to_json`."""
        return cls(
            row["path"],
            row["sha256"],
            Verdict(row["verdict"]) if row["verdict"] else None,
            Reason(row["reason"]) if row["reason"] else None,
            Instance.from_json(row["instance"]) if row["instance"] else None,
            tuple(row["absent"]),
        )


def failed(path: str, reason: Reason, verdict: Verdict = Verdict.FAILED) -> Entry:
    """The entry of a file of which nothing could be read."""
    return Entry(path, "", verdict, reason, None)


def walk(source: Path) -> Iterator[Found | Entry]:
    """Every regular file below `source`, in a fixed order; links are not followed.

    A folder that cannot be opened comes as a failed entry of its own, so that it is not lost.
    """
    unreadable: list[str] = []
    working: list[str] = []
    for path, found in files_below(source, unreadable, working):
        status = found.stat(follow_symlinks=False)
        yield Found(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    yield from (failed(path, Reason.UNREADABLE) for path in unreadable)
    yield from (failed(path, Reason.WORKING_FOLDER, Verdict.SKIPPED) for path in working)


def is_working_folder(name: str) -> bool:
    """Whether a folder of this name is one in which deidflow stages outputs (`.OUT.deidflow`)."""
    return name.startswith(".") and name.endswith(".deidflow")


def files_below(
    source: Path, unreadable: list[str], working: list[str]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Path below `source` and entry of every regular file, in a fixed order; links are not followed.

    Folders that cannot be opened are added to `unreadable`, those in which deidflow stages outputs to `working`.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(os.path.join(source, folder)) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError:
            unreadable.append(folder or ".")
            continue
        prefix = f"{folder}/" if folder else ""
        folders = []
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield prefix + entry.name, entry
            elif entry.is_dir(follow_symlinks=False) and is_working_folder(entry.name):
                working.append(prefix + entry.name)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(prefix + entry.name)
        waiting += reversed(folders)


def read_files(source: str, paths: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Read the files one by one; yields the JSON of an Entry for each (runs in a child process)."""
    reader = Reader(Path(source))
    for path in paths:
        yield reader.read(path).to_json()


def read_file(source: Path, path: str) -> Entry:
    """Read one file: hash, structure, header. Never raises for what a file may hold."""
    return Reader(source).read(path)


@dataclass(frozen=True)
class Reader:
    """Reads files below a folder one after the other."""

    source: Path
    hashed: bool = True
    """Whether contents are hashed; without it the pixel data are not read."""
    unmarked: bool = False
    """Whether files without the DICM mark are read too, where they look like DICOM."""
    skimmer: Skimmer = field(default_factory=Skimmer)

    def read(self, path: str) -> Entry:
        """Hash, structure and header of one file. Never raises for what a file may hold."""
        try:
            descriptor = os.open(os.path.join(self.source, path), os.O_RDONLY)
        except OSError:
            return failed(path, Reason.UNREADABLE)
        try:
            size = os.fstat(descriptor).st_size
            return (
                self._sized(path, descriptor, size)
                if size
                else failed(path, Reason.EMPTY_FILE, Verdict.SKIPPED)
            )
        except OSError:
            return failed(path, Reason.UNREADABLE)
        finally:
            os.close(descriptor)

    def _sized(self, path: str, descriptor: int, size: int) -> Entry:
        skimmed = None
        for length in HEADS:
            head = os.pread(descriptor, length, 0)
            skimmed = self.skimmer.read(head, size) if has_mark(head) else None
            if skimmed is not None or length >= size:
                break
        if skimmed is not None and skimmed[1].rstrip(b"\0 ") != DICOMDIR_CLASS and not self.hashed:
            return _judged(path, "", skimmed[0])
        with (
            mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as data,
        ):
            digest = hashlib.sha256(data).hexdigest() if self.hashed else ""
            if skimmed is not None and skimmed[1].rstrip(b"\0 ") != DICOMDIR_CLASS:
                return _judged(path, digest, skimmed[0])
            return self._walked(path, digest, data)

    def _walked(self, path: str, digest: str, data: memoryview) -> Entry:
        head = bytes(data[:512])
        marked = has_mark(head)
        if not marked:
            verdict, reason = without_mark(head)
            if not self.unmarked or reason is not Reason.NO_MARK:
                return Entry(path, digest, verdict, reason, None)
        try:
            structure = scan(
                data if marked else memoryview(with_mark(bytes(data))), WANTED, nested=NESTED
            )
        except Withheld as error:
            return Entry(path, digest, Verdict.QUARANTINED, error.reason, None)
        if structure.values.get(_META_CLASS, b"").rstrip(b"\0 ") == DICOMDIR_CLASS:
            return Entry(
                path,
                digest,
                Verdict.SKIPPED,
                Reason.DICOMDIR,
                None,
                absent_files(self.source, path),
            )
        return _judged(path, digest, describe(structure))


def _judged(path: str, digest: str, instance: Instance) -> Entry:
    reason_against = _defect(instance)
    if reason_against:
        return Entry(path, digest, Verdict.QUARANTINED, reason_against, None)
    return Entry(path, digest, None, None, instance)


def _defect(instance: Instance) -> Reason | None:
    if not all((instance.sop_class, instance.sop_uid, instance.study_uid, instance.series_uid)):
        return Reason.MISSING_UID
    if instance.pixel_bytes > Limits().pixel_bytes:
        return Reason.TOO_LARGE
    if not instance.encoding_fits:
        return Reason.PIXEL_ENCODING
    return None if instance.pixels_fit else Reason.PIXEL_LENGTH


def absent_files(source: Path, path: str) -> tuple[str, ...]:
    """Paths that a DICOMDIR lists (PS3.3 F.3.2.2) and that do not exist beside it."""
    import pydicom

    listed = []
    try:
        records = pydicom.dcmread(source / path).get("DirectoryRecordSequence") or []
        listed = [record.get("ReferencedFileID") for record in records]
    except Exception:
        return ()
    base = Path(path).parent
    names = {
        str(base.joinpath(*([part] if isinstance(part, str) else part))) for part in listed if part
    }
    return tuple(sorted(name for name in names if not (source / name).exists()))
