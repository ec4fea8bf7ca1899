"""Says what a file of a source is: hash, structure, header."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from deidflow.dicom.attributes import nested_identifiers, wanted_tags
from deidflow.dicom.dicomdir import absent_files, is_dicomdir
from deidflow.dicom.file_kind import has_mark, with_mark, without_mark
from deidflow.dicom.instance import Instance, describe
from deidflow.dicom.raw_data import is_raw_file
from deidflow.dicom.skim import HEADS, Skimmer
from deidflow.dicom.structure import META_SOP_CLASS, Structure, scan
from deidflow.dicom.walk import LIMITS
from deidflow.errors import Withheld
from deidflow.verdicts import Reason, Verdict

_KIND_BYTES = 512


class Entry(NamedTuple):
    """A file and what was read of it: an instance, or a verdict with its reason."""

    path: str
    sha256: str
    verdict: Verdict | None
    reason: Reason | None
    instance: Instance | None
    absent: tuple[str, ...] = ()
    """Files that a DICOMDIR lists and that do not exist."""


def failed(path: str, reason: Reason, verdict: Verdict = Verdict.FAILED) -> Entry:
    """The entry of a file of which nothing could be read."""
    return Entry(path, "", verdict, reason, None)


def read_files(source: str, paths: Sequence[str]) -> Iterator[Entry]:
    """Read the files one by one (runs in a child process)."""
    reader = Reader(Path(source))
    for path in paths:
        yield reader.read(path)


def read_file(source: Path, path: str) -> Entry:
    """Read one file: hash, structure, header. Never raises, whatever the file holds."""
    return Reader(source).read(path)


@dataclass(frozen=True)
class Reader:
    """Reads files below a folder, one after the other."""

    source: Path
    hashed: bool = True
    """Whether contents are hashed; without it the pixel data are not read."""
    unmarked: bool = False
    """Whether files without the DICM mark are read too, if they look like DICOM."""
    skimmer: Skimmer = field(default_factory=Skimmer)

    def read(self, path: str) -> Entry:
        """Hash, structure and header of one file. Never raises, whatever the file holds."""
        try:
            descriptor = os.open(
                os.path.join(self.source, path),
                os.O_RDONLY,
            )
        except OSError:
            return failed(path, Reason.UNREADABLE)

        try:
            return self._open_file(path, descriptor)
        except OSError:
            return failed(path, Reason.UNREADABLE)
        finally:
            os.close(descriptor)

    def _open_file(self, path: str, descriptor: int) -> Entry:
        size = os.fstat(descriptor).st_size
        if not size:
            return failed(
                path,
                Reason.EMPTY_FILE,
                Verdict.SKIPPED,
            )
        instance, head = self._skimmed(descriptor, size)
        if instance is not None and not self.hashed:
            return _judged(path, "", instance)
        if instance is not None and len(head) == size:
            return _judged(path, hashlib.sha256(head).hexdigest(), instance)

        digest = _digest(descriptor) if self.hashed else ""
        if instance is not None:
            return _judged(path, digest, instance)
        with (
            mmap.mmap(
                descriptor,
                0,
                access=mmap.ACCESS_READ,
            ) as mapped,
            memoryview(mapped) as data,
        ):
            return self._walked(path, digest, data)

    def _skimmed(self, descriptor: int, size: int) -> tuple[Instance | None, bytes]:
        """The instance, read from the head of the file, and that head; no instance if the whole
        file must be walked."""
        head = b""
        for length in HEADS:
            head = os.pread(descriptor, length, 0)
            skimmed = self.skimmer.read(head, size) if has_mark(head) else None
            if skimmed is not None:
                instance, sop_class = skimmed
                return None if is_dicomdir(sop_class) else instance, head
            if length >= size:
                break
        return None, head

    def _walked(self, path: str, digest: str, data: memoryview) -> Entry:
        head = bytes(data[:_KIND_BYTES])
        if not has_mark(head):
            verdict, reason = without_mark(head)
            if reason is Reason.NOT_DICOM and is_raw_file(path, head):
                verdict, reason = Verdict.EXCLUDED, Reason.RAW_DATA
            if not self.unmarked or reason is not Reason.NO_MARK:
                return Entry(
                    path,
                    digest,
                    verdict,
                    reason,
                    None,
                )
            data = memoryview(with_mark(bytes(data)))

        try:
            structure = scan(
                data,
                wanted_tags(),
                nested=nested_identifiers(),
            )
        except Withheld as error:
            return Entry(
                path,
                digest,
                Verdict.QUARANTINED,
                error.reason,
                None,
            )
        return self._described(path, digest, structure)

    def _described(self, path: str, digest: str, structure: Structure) -> Entry:
        if not is_dicomdir(structure.values.get(META_SOP_CLASS, b"")):
            return _judged(
                path,
                digest,
                describe(structure),
            )

        absent = absent_files(self.source, path)
        return Entry(
            path,
            digest,
            Verdict.SKIPPED,
            Reason.DICOMDIR,
            None,
            absent,
        )


def _digest(descriptor: int) -> str:
    """The hash of a file, read piece by piece: an archive of many GiB takes no more memory."""
    with open(descriptor, "rb", buffering=0, closefd=False) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _judged(path: str, digest: str, instance: Instance) -> Entry:
    """The entry of an instance, quarantined if it has a defect."""
    reason = _defect(instance)
    if reason:
        return Entry(
            path,
            digest,
            Verdict.QUARANTINED,
            reason,
            None,
        )
    return Entry(path, digest, None, None, instance)


def _defect(instance: Instance) -> Reason | None:
    uids = (instance.sop_class, instance.sop_uid, instance.study_uid, instance.series_uid)
    if not all(uids):
        return Reason.MISSING_UID
    if instance.pixel_bytes > LIMITS.pixel_bytes:
        return Reason.TOO_LARGE
    if not instance.encoding_fits:
        return Reason.PIXEL_ENCODING
    return None if instance.pixels_fit else Reason.PIXEL_LENGTH
