"""The members of zip, tar, tar.gz and gz files, one after the other, as streams.

A member is known by its place in the archive: its name is looked at for traversal and never used.
"""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from deidflow.archives.bounds import ArchiveRefused, Bounds, MemberRefused
from deidflow.archives.member import BROKEN, ArchiveMember, is_traversal
from deidflow.archives.zip_members import zip_members
from deidflow.verdicts import Reason

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_BLOCK = 512
_CHUNK = 1 << 20


def members_of(path: Path, bounds: Bounds) -> Iterator[ArchiveMember]:
    """Every member that is not a folder; each must be read before the next is asked for.

    Raises ArchiveRefused for an archive that breaks a bound, is broken, or is of another kind.
    """
    with path.open("rb") as stream:
        head = stream.read(_BLOCK)
        stream.seek(0)
        if head.startswith(_ZIP):
            yield from zip_members(stream, bounds)
        elif head.startswith(_GZIP):
            yield from _gzip_members(stream, bounds)
        elif is_tar(head):
            yield from _tar_members(_Bounded(stream, bounds), bounds)
        else:
            raise ArchiveRefused(Reason.ARCHIVE)


def is_archive(head: bytes) -> bool:
    """Whether the first 512 bytes are those of an archive that is opened."""
    return head.startswith((*_ZIP, _GZIP)) or is_tar(head)


def is_tar(head: bytes) -> bool:
    """Whether 512 bytes are the header of a tar member, by their checksum."""
    if len(head) < _BLOCK or not head.strip(b"\0"):
        return False
    try:
        tarfile.TarInfo.frombuf(head[:_BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


# tar and gzip


class _Bounded:
    """What tarfile needs of a stream: forward only, no large reads at once, within the bounds."""

    def __init__(self, stream: IO[bytes], bounds: Bounds, packed: IO[bytes] | None = None) -> None:
        self._stream = stream
        self._bounds = bounds
        self._packed = packed
        self._place = 0

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes; a header that wants too many is refused."""
        if size < 0 or size > self._bounds.directory_bytes:
            raise ArchiveRefused(Reason.ARCHIVE_BROKEN)
        content = self._stream.read(size)
        self._place += len(content)
        if self._packed is not None:
            self._bounds.check_ratio(self._place, self._packed.tell())
            self._bounds.check_total(self._place)
        return content

    def tell(self) -> int:
        """Unpacked bytes read so far."""
        return self._place

    def seek(self, place: int) -> int:
        """Go forward by reading, so that what is skipped counts too."""
        if place < self._place:
            raise tarfile.ReadError("backwards")
        while self._place < place:
            if not self.read(min(_CHUNK, place - self._place)):
                break
        return self._place


def _gzip_members(stream: IO[bytes], bounds: Bounds) -> Iterator[ArchiveMember]:
    """The members of a compressed tar file, or the one file that was compressed."""
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
            head = unpacked.read(_BLOCK)
    except BROKEN:
        yield ArchiveMember(1, None, Reason.ARCHIVE_BROKEN)
        return

    stream.seek(0)
    with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
        content = cast(IO[bytes], unpacked)
        if is_tar(head):
            yield from _tar_members(_Bounded(content, bounds, stream), bounds)
        else:
            size = os.fstat(stream.fileno()).st_size
            yield ArchiveMember(1, content, packed_bytes=size)


def _tar_members(stream: _Bounded, bounds: Bounds) -> Iterator[ArchiveMember]:
    try:
        archive = tarfile.TarFile(fileobj=stream, errorlevel=2)  # type: ignore[arg-type]
    except BROKEN:
        raise ArchiveRefused(Reason.ARCHIVE_BROKEN) from None

    number = 0
    while True:
        try:
            info = archive.next()
        except BROKEN:
            yield ArchiveMember(number + 1, None, Reason.ARCHIVE_BROKEN)
            return
        if info is None:
            return
        # tarfile remembers every member that it has seen.
        archive.members.clear()  # type: ignore[attr-defined]
        if info.isdir():
            continue
        number += 1
        bounds.check_count(number)
        yield _tar_member(archive, info, number)


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, number: int) -> ArchiveMember:
    if is_traversal(info.name):
        return ArchiveMember(number, None, Reason.ARCHIVE_PATH)
    if not info.isreg() or info.issparse():
        return ArchiveMember(number, None, Reason.ARCHIVE_NOT_REGULAR)
    return ArchiveMember(number, archive.extractfile(info))


def copy_member(member: ArchiveMember, target: Path, bounds: Bounds) -> int:
    """Write a member's content into a new file; returns its size.

    Raises MemberRefused for one that is broken or breaks a bound; then no file is left.
    """
    try:
        return _copied_bytes(member, target, bounds)
    except (MemberRefused, ArchiveRefused):
        target.unlink(missing_ok=True)
        raise
    except BROKEN:
        target.unlink(missing_ok=True)
        raise MemberRefused(Reason.ARCHIVE_BROKEN) from None


def _copied_bytes(member: ArchiveMember, target: Path, bounds: Bounds) -> int:
    if member.stream is None:
        raise MemberRefused(member.reason or Reason.ARCHIVE_BROKEN)

    written = 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := member.stream.read(_CHUNK):
            if not written and is_archive(chunk[:_BLOCK]):
                raise MemberRefused(Reason.ARCHIVE_NESTED)
            written += len(chunk)
            if written > bounds.member_bytes:
                raise MemberRefused(Reason.ARCHIVE_MEMBER_SIZE)
            if member.packed_bytes:
                _check_member_ratio(written, member.packed_bytes, bounds)
            file.write(chunk)
    return written


def _check_member_ratio(written: int, packed: int, bounds: Bounds) -> None:
    try:
        bounds.check_ratio(written, packed)
    except ArchiveRefused as error:
        raise MemberRefused(error.reason) from None
