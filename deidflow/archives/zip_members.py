"""The members of a zip file, one after the other."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import IO, NamedTuple, cast

from deidflow.archives.bounds import ArchiveRefused, Bounds
from deidflow.archives.member import BROKEN, ArchiveMember, is_traversal
from deidflow.archives.names import Directory, PlainNames
from deidflow.verdicts import Reason

_ENCRYPTED = 0x1
_END_RECORD = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64_RECORD = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT = 1 << 16
_END_MARK = b"PK\x05\x06"
_LOCATOR_MARK = b"PK\x06\x07"


def zip_members(stream: IO[bytes], bounds: Bounds) -> Iterator[ArchiveMember]:
    """Every member that is not a folder, in the order of the table of contents.

    Raises ArchiveRefused for an archive that breaks a bound or is broken.
    """
    directory = _checked_directory(stream, bounds)
    try:
        archive = _opened(stream, directory)
    except BROKEN:
        raise ArchiveRefused(Reason.ARCHIVE_BROKEN) from None

    with closing(archive):
        number = 0
        for info in archive.infolist():
            if info.is_dir():
                continue
            number += 1
            bounds.check_count(number)
            yield _zip_member(archive, info, number)


def _opened(stream: IO[bytes], directory: Directory) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except UnicodeError:
        renamed = PlainNames(stream, directory)
        return zipfile.ZipFile(cast(IO[bytes], renamed))


class _EndRecord(NamedTuple):
    """What the end of a zip file says of its table of contents."""

    end: int
    """Where the table ends."""
    size: int
    members: int


def _checked_directory(stream: IO[bytes], bounds: Bounds) -> Directory:
    """Where the table of contents is; refuses one that is too large, before it is read."""
    size = stream.seek(0, os.SEEK_END)
    record = _end_record(stream, size)
    stream.seek(0)

    bounds.check_count(record.members)
    largest = min(bounds.directory_bytes, size)
    if record.size > largest:
        raise ArchiveRefused(Reason.ARCHIVE_MEMBERS)
    start = max(0, record.end - record.size)
    return Directory(start, record.size)


def _end_record(stream: IO[bytes], size: int) -> _EndRecord:
    """The record at the end of a zip file (APPNOTE 4.3.16)."""
    start = max(0, size - _LONGEST_COMMENT - _END_RECORD.size)
    stream.seek(start)
    tail = stream.read()
    place = tail.rfind(_END_MARK)
    if place < 0 or len(tail) - place < _END_RECORD.size:
        raise ArchiveRefused(Reason.ARCHIVE_BROKEN)

    fields = _END_RECORD.unpack_from(tail, place)
    record = _EndRecord(
        end=start + place,
        size=fields[5],
        members=fields[4],
    )
    locator = place - _END64_LOCATOR.size
    if locator >= 0 and tail.startswith(_LOCATOR_MARK, locator):
        return _end64_record(stream, tail, locator, record)
    return record


def _end64_record(stream: IO[bytes], tail: bytes, locator: int, record: _EndRecord) -> _EndRecord:
    """The same of a zip64 file (APPNOTE 4.3.14 and 4.3.15)."""
    _, _, offset, _ = _END64_LOCATOR.unpack_from(tail, locator)
    try:
        stream.seek(offset)
        content = stream.read(_END64_RECORD.size)
        fields = _END64_RECORD.unpack(content)
    except (OSError, OverflowError, struct.error):
        raise ArchiveRefused(Reason.ARCHIVE_BROKEN) from None

    records = _END64_LOCATOR.size + _END64_RECORD.size
    return _EndRecord(
        end=record.end - records,
        size=fields[8],
        members=fields[7],
    )


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, number: int) -> ArchiveMember:
    reason = _zip_reason(info)
    if reason is not None:
        return ArchiveMember(number, None, reason)
    try:
        stream = archive.open(info)
    except NotImplementedError:
        reason = Reason.ARCHIVE_METHOD
    except RuntimeError:
        reason = Reason.ARCHIVE_ENCRYPTED
    except BROKEN:
        reason = Reason.ARCHIVE_BROKEN
    else:
        packed = max(info.compress_size, 1)
        return ArchiveMember(number, stream, packed_bytes=packed)
    return ArchiveMember(number, None, reason)


def _zip_reason(info: zipfile.ZipInfo) -> Reason | None:
    if is_traversal(info.orig_filename):
        return Reason.ARCHIVE_PATH
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if kind not in (0, stat.S_IFREG):
        return Reason.ARCHIVE_NOT_REGULAR
    if info.flag_bits & _ENCRYPTED:
        return Reason.ARCHIVE_ENCRYPTED
    return None
