"""Archives among the sources: their members are files like others, until the call ends."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from deidflow.archives.opened import OpenedInventory, open_archives
from deidflow.archives.unpack import archive_of
from deidflow.bulk.call import Call
from deidflow.bulk.locate import Located
from deidflow.bulk.read import NO_POSITION, ReadFile, read_all
from deidflow.dicom.inventory import Entry, failed
from deidflow.dicom.source_walk import files_below
from deidflow.store.files import Signature, sha256_of
from deidflow.verdicts import Reason


class Opened(NamedTuple):
    """A call that knows the members of its archives, and the facts about every file."""

    call: Call
    rows: list[ReadFile]


def with_members(call: Call, rows: Sequence[ReadFile]) -> Opened:
    """Unpack every archive into the vault's work, and read the members.

    A member has the signature of its archive, so that a later call knows it again. Raises
    EnvironmentFault where the folder cannot be written.
    """
    packed = [row for row in rows if row.entry.reason is Reason.ARCHIVE]
    if not packed:
        return Opened(call, list(rows))

    hashed = [_hashed(call.located.root, row.entry) for row in packed]
    members = _Members(call)
    opened = open_archives(
        call.located.root,
        hashed,
        call.archives_folder,
        members.read,
    )
    signatures: dict[str, Signature | None] = {}
    for row in packed:
        path = row.entry.path
        signatures[path] = row.signature
    plain = [row for row in rows if row.entry.path not in signatures]
    unpacked = members.rows(opened, signatures)
    return Opened(
        _with_locators(call, opened, signatures),
        [*plain, *unpacked],
    )


class _Members:
    """Reads unpacked files, and finds the facts about each again."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._read: dict[Path, ReadFile] = {}

    def read(self, folder: Path) -> Iterable[Entry]:
        """The entries of all files below a folder."""
        files = files_below(folder, [], [])
        paths = tuple(path for path, _ in files)
        located = Located(folder, paths, ())
        rows = read_all(
            located,
            self._call.workers,
            self._call.memory_limit,
            force=self._call.settings.force,
            signed=False,
        )
        entries: list[Entry] = []
        for row in rows:
            entry = row.entry
            entries.append(entry)
            self._read[folder / entry.path] = row
        return entries

    def rows(
        self, opened: OpenedInventory, signatures: dict[str, Signature | None]
    ) -> Iterator[ReadFile]:
        """Archives and members by their locators, with the positions of images."""
        for entry in opened.entries:
            position = NO_POSITION
            place = opened.places.get(entry.path)
            if place is not None:
                position = self._read[place].position
            signature = signatures.get(archive_of(entry.path))
            yield ReadFile(entry, position, signature)


def _hashed(root: Path, entry: Entry) -> Entry:
    try:
        digest = sha256_of(root / entry.path)
    except OSError:
        return failed(entry.path, Reason.UNREADABLE)
    return entry._replace(sha256=digest)


def _with_locators(call: Call, opened: OpenedInventory, archives: Container[str]) -> Call:
    """The call, in which the members have numbers and places."""
    locators = [entry.path for entry in opened.entries if entry.path not in archives]
    located = replace(
        call.located,
        members=tuple(locators),
        places=opened.places,
    )
    return replace(call, located=located)
