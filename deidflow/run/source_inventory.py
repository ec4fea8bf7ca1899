"""The inventory of a source: what is known from earlier runs, and what children read anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from deidflow.archives.opened import open_archives
from deidflow.archives.unpack import forget_members
from deidflow.consent.admission import Admission
from deidflow.dicom.inventory import Entry
from deidflow.dicom.source_walk import walk
from deidflow.inventory.database import LISTING_NAME, MEMBERS_NAME
from deidflow.inventory.listing import Listing
from deidflow.inventory.packed import shared_facts, unpack
from deidflow.inventory.reading import read_rows
from deidflow.store.children import Children
from deidflow.verdicts import UNRECORDED, Reason


@dataclass(frozen=True)
class InventoryTaker:
    """What the inventory of a folder needs."""

    children: Children
    log: Path
    work: Path
    """Private folder for the listing."""
    archives: Path
    """Private folder for what is unpacked of archives."""
    admission: Admission
    known: Path | None = None
    """The vault's folder, where it is kept what was read; None for a run that keeps nothing."""
    strict: bool = False
    """Read every file again."""

    def source(self, source: Path, named: Sequence[str]) -> tuple[Listing, Mapping[str, Path]]:
        """Every file below a source, or of what of it is `named`, members of archives too; and
        where these are, by their locators."""
        listing = self.folder(source, LISTING_NAME, named)
        opened = open_archives(
            source,
            list(listing.entries(reason=Reason.ARCHIVE)),
            self.archives,
            self._members,
        )
        listing.add(opened.entries)
        self._admit(listing, source, opened.places)
        return listing, opened.places

    def folder(self, folder: Path, name: str, named: Sequence[str] = ()) -> Listing:
        """Every file below a folder.

        Read anew where it is new, was touched, or is read by other code. Where somebody can be
        refused, heads are read first; of a patient who is, no more is read and nothing kept.
        """
        listing = Listing(self.work / name, self.known)
        listing.add_found(walk(folder, named))
        if self.known is not None and not self.strict:
            listing.recall(folder)
        if self.admission.is_asked:
            heads = self._heads(listing, folder)
            refused = self.admission.refused(chain(listing.entries(), heads))
            listing.refuse(folder, refused)

        for after, paths in listing.unread():
            for chunk in read_rows(folder, paths, self.children, self.log):
                listing.store(chunk)
            listing.remember(folder, after)
        listing.forget_gone(folder, named)
        return listing

    def _members(self, folder: Path) -> Iterable[Entry]:
        """What was unpacked; few enough to be held in memory."""
        listing = self.folder(folder, MEMBERS_NAME)
        entries = list(listing.entries())
        listing.close()
        return entries

    def _heads(self, listing: Listing, folder: Path) -> Iterator[Entry]:
        """Who the unread files are of, without their pixels."""
        headers: dict[bytes, tuple[Any, ...]] = {}
        for _, paths in listing.unread():
            for chunk in read_rows(folder, paths, self.children, self.log, hashed=False):
                headers |= {digest: shared_facts(text) for digest, text in chunk.headers}
                for row in chunk.rows:
                    yield unpack(row, headers.get(row.header or b""))

    def _admit(self, listing: Listing, source: Path, places: Mapping[str, Path]) -> None:
        """Two patients outside and inside an archive may claim one consent.

        What was unpacked of refused patients is deleted.
        """
        if not self.admission.is_asked:
            return

        refused = self.admission.refused(listing.entries())
        listing.add(refused.values())
        listing.forget(places.get(path, source / path) for path in refused)
        unrecorded = [entry.path for entry in listing.entries() if entry.reason in UNRECORDED]
        forget_members(places[path] for path in unrecorded if path in places)
