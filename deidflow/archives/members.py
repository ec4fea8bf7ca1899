"""The members of zip, tar, tar.gz and gz files, one after the other, as streams.

A member is known by its place in the archive: its name is looked at for traversal and never used.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from deidflow.archives.bounds import ArchiveRefused, Bounds, MemberRefused
from deidflow.verdicts import Reason

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_BLOCK = 512
_CHUNK = 1 << 20
_ENCRYPTED = 0x1
_DRIVE = re.compile(r"[A-Za-z]:")
_END_RECORD = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64_RECORD = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT = 1 << 16
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    tarfile.TarError,
    gzip.BadGzipFile,
    EOFError,
    NotImplementedError,
    RecursionError,
    UnicodeError,
    ValueError,
    struct.error,
    OSError,
)
"""What the readers of the standard library raise for archives that are broken."""


@dataclass(frozen=True)
class ArchiveMember:
    """A member: its number from 1, and its content or the reason why it has none."""

    number: int
    stream: IO[bytes] | None
    reason: Reason | None = None
    packed_bytes: int = 0
    """Bytes of the archive that hold the content; 0 where the reader bounds the ratio itself."""


def members_of(path: Path, bounds: Bounds) -> Iterator[ArchiveMember]:
    """Every member that is not a folder; each must be read before the next is asked for.

    Raises ArchiveRefused for an archive that breaks a bound, is broken, or is of another kind.
    """
    with path.open("rb") as stream:
        head = stream.read(_BLOCK)
        stream.seek(0)
        if head.startswith(_ZIP):
            yield from _zip_members(stream, bounds)
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


def is_traversal(name: str) -> bool:
    """Whether a member's name leads out of the folder in which it would be unpacked."""
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or bool(_DRIVE.match(name)) or "\0" in name


# zip


def _zip_members(stream: IO[bytes], bounds: Bounds) -> Iterator[ArchiveMember]:
    _check_directory(stream, bounds)
    try:
        archive = zipfile.ZipFile(stream)
    except BROKEN:
        raise ArchiveRefused(Reason.ARCHIVE_BROKEN) from None

    with closing(archive):
        infos = [info for info in archive.infolist() if not info.is_dir()]
        bounds.check_count(len(infos))
        for number, info in enumerate(infos, 1):
            yield _zip_member(archive, info, number)


def _check_directory(stream: IO[bytes], bounds: Bounds) -> None:
    """Refuse a table of contents that is too large, before it is read (APPNOTE 4.3.14-16)."""
    size = stream.seek(0, os.SEEK_END)
    start = max(0, size - _LONGEST_COMMENT - _END_RECORD.size)
    stream.seek(start)
    tail = stream.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END_RECORD.size:
        raise ArchiveRefused(Reason.ARCHIVE_BROKEN)

    record = _END_RECORD.unpack_from(tail, place)
    directory, count = record[5], record[4]
    locator = place - _END64_LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        directory, count = _zip64_directory(stream, tail, locator)
    stream.seek(0)
    bounds.check_count(count)
    if directory > min(bounds.directory_bytes, size):
        raise ArchiveRefused(Reason.ARCHIVE_MEMBERS)


def _zip64_directory(stream: IO[bytes], tail: bytes, locator: int) -> tuple[int, int]:
    """Size of the table of contents, and its entries, of a zip64 file."""
    offset = _END64_LOCATOR.unpack_from(tail, locator)[2]
    try:
        stream.seek(offset)
        record = _END64_RECORD.unpack(stream.read(_END64_RECORD.size))
    except (OSError, OverflowError, struct.error):
        raise ArchiveRefused(Reason.ARCHIVE_BROKEN) from None
    return record[8], record[7]


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, number: int) -> ArchiveMember:
    reason = _zip_reason(info)
    if reason is not None:
        return ArchiveMember(number, None, reason)
    try:
        return ArchiveMember(number, archive.open(info), packed_bytes=max(info.compress_size, 1))
    except NotImplementedError:
        return ArchiveMember(number, None, Reason.ARCHIVE_METHOD)
    except RuntimeError:
        return ArchiveMember(number, None, Reason.ARCHIVE_ENCRYPTED)
    except BROKEN:
        return ArchiveMember(number, None, Reason.ARCHIVE_BROKEN)


def _zip_reason(info: zipfile.ZipInfo) -> Reason | None:
    if is_traversal(info.orig_filename):
        return Reason.ARCHIVE_PATH
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return Reason.ARCHIVE_NOT_REGULAR
    if info.flag_bits & _ENCRYPTED:
        return Reason.ARCHIVE_ENCRYPTED
    return None


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
