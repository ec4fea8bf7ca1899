"""An inventory with the members of its archives in place of what was not opened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deidflow.archives.bounds import Bounds
from deidflow.archives.unpack import forget_unpacked, is_packed, unpack_archives
from deidflow.dicom.inventory import Entry

Read = Callable[[Path], Iterable[Entry]]
"""Reads every file below a folder; paths of the entries are below it."""


@dataclass(frozen=True)
class OpenedInventory:
    """Entries by their locators, and where the members of archives are now."""

    entries: tuple[Entry, ...]
    places: Mapping[str, Path] = field(default_factory=dict)
    """Locator -> file, for members only; every other locator is a path below the source."""


def open_archives(
    source: Path,
    entries: Sequence[Entry],
    folder: Path,
    read: Read,
    bounds: Bounds | None = None,
) -> OpenedInventory:
    """Unpack the archives of an inventory into a private folder and read their members.

    Without archives nothing is written and the entries stay as they are. What was unpacked of
    archives that are gone is deleted. Raises EnvironmentFault where the folder cannot be written.
    """
    if not any(map(is_packed, entries)):
        forget_unpacked(folder, ())
        return OpenedInventory(tuple(entries))

    unpacked = unpack_archives(
        source,
        entries,
        folder,
        bounds,
    )
    forget_unpacked(folder, unpacked.digests)
    locators: defaultdict[str, list[str]] = defaultdict(list)
    for file in unpacked.files:
        locators[str(file.path.relative_to(folder))].append(file.locator)

    replaced = {entry.path: entry for entry in unpacked.entries}
    opened = [replaced.pop(entry.path, entry) for entry in entries]
    opened += replaced.values()
    for entry in read(folder):
        for locator in locators.get(entry.path, ()):
            opened.append(entry._replace(path=locator))
    places = {file.locator: file.path for file in unpacked.files}
    return OpenedInventory(
        tuple(sorted(opened, key=lambda entry: entry.path)),
        places,
    )
