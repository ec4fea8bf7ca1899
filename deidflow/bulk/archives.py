"""Archives among the sources: their members are files like others, until the call ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from deidflow.archives.opened import OpenedInventory, open_archives
from deidflow.archives.unpack import MARK
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
    paths = {row.entry.path for row in packed}
    plain = [row for row in rows if row.entry.path not in paths]
    signatures = {row.entry.path: row.signature for row in packed}
    unpacked = list(members.rows(opened, signatures))
    return Opened(
        _with_locators(call, opened, paths),
        [*plain, *unpacked],
    )


class _Members:
    """Reads unpacked files, and finds the facts about each again."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._read: dict[Path, ReadFile] = {}

    def read(self, folder: Path) -> Iterable[Entry]:
        """The entries of all files below a folder."""
        paths = [path for path, _ in files_below(folder, [], [])]
        located = Located(folder, tuple(paths), ())
        rows = read_all(
            located,
            self._call.workers,
            self._call.memory_limit,
            force=self._call.settings.force,
            signed=False,
        )
        self._read = {folder / row.entry.path: row for row in rows}
        return [row.entry for row in rows]

    def rows(
        self, opened: OpenedInventory, signatures: dict[str, Signature | None]
    ) -> Iterator[ReadFile]:
        """Archives and members by their locators, with the positions of images."""
        for entry in opened.entries:
            place = opened.places.get(entry.path)
            position = NO_POSITION if place is None else self._read[place].position
            archive = entry.path.partition(MARK)[0]
            yield ReadFile(entry, position, signatures.get(archive))


def _hashed(root: Path, entry: Entry) -> Entry:
    try:
        return entry._replace(sha256=sha256_of(root / entry.path))
    except OSError:
        return failed(entry.path, Reason.UNREADABLE)


def _with_locators(call: Call, opened: OpenedInventory, archives: set[str]) -> Call:
    """The call, in which the members have numbers and places."""
    locators = [entry.path for entry in opened.entries if entry.path not in archives]
    located = replace(
        call.located,
        members=tuple(locators),
        places=opened.places,
    )
    return replace(call, located=located)
