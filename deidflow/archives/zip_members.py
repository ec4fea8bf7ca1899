"""The members of a zip file, one after the other."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import IO, cast

from deidflow.archives.bounds import ArchiveRefused, Bounds
from deidflow.archives.member import BROKEN, ArchiveMember, is_traversal
from deidflow.archives.names import Directory, PlainNames
from deidflow.verdicts import Reason

_ENCRYPTED = 0x1
_END_RECORD = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64_RECORD = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT = 1 << 16


def zip_members(stream: IO[bytes], bounds: Bounds) -> Iterator[ArchiveMember]:
    directory = _checked_directory(stream, bounds)
    try:
        archive = _opened(stream, directory)
    except BROKEN:
        raise ArchiveRefused(Reason.ARCHIVE_BROKEN) from None

    with closing(archive):
        infos = [info for info in archive.infolist() if not info.is_dir()]
        bounds.check_count(len(infos))
        for number, info in enumerate(infos, 1):
            yield _zip_member(archive, info, number)


def _opened(stream: IO[bytes], directory: Directory) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except UnicodeError:
        return zipfile.ZipFile(cast(IO[bytes], PlainNames(stream, directory)))


def _checked_directory(stream: IO[bytes], bounds: Bounds) -> Directory:
    """Where the table of contents is (APPNOTE 4.3.14-16); refuses one that is too large."""
    size = stream.seek(0, os.SEEK_END)
    start = max(0, size - _LONGEST_COMMENT - _END_RECORD.size)
    stream.seek(start)
    tail = stream.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END_RECORD.size:
        raise ArchiveRefused(Reason.ARCHIVE_BROKEN)

    record = _END_RECORD.unpack_from(tail, place)
    directory, count = record[5], record[4]
    end = start + place
    locator = place - _END64_LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        directory, count = _zip64_directory(stream, tail, locator)
        end -= _END64_LOCATOR.size + _END64_RECORD.size
    stream.seek(0)
    bounds.check_count(count)
    if directory > min(bounds.directory_bytes, size):
        raise ArchiveRefused(Reason.ARCHIVE_MEMBERS)
    return Directory(max(0, end - directory), directory)


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
