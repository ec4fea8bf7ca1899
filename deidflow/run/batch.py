"""What a run has found in its source, and whom it has to work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deidflow.dicom.grouping import Subject
from deidflow.identity.neighbours import Neighbour
from deidflow.identity.vault import Identity
from deidflow.inventory.listing import Listing
from deidflow.run.pieces import Grouping


@dataclass(frozen=True)
class OrderedSubject:
    """A subject whose work order is written."""

    key: str
    """Only the vault may hold it."""
    pseudonym: str
    labels: tuple[str, ...]
    """Of its sessions."""


@dataclass(frozen=True)
class RunBatch:
    """What a run has to do: every file and subject on disk, identities, the selected subjects."""

    grouping: Grouping
    places: Mapping[str, Path]
    """Locator -> file, for members of archives only."""
    identities: dict[str, Identity]
    """By subject key."""
    orders: tuple[OrderedSubject, ...]
    """The selected subjects by pseudonym."""
    study_uids: frozenset[str]
    """Every study of which there is a readable instance, whatever its verdict."""
    neighbours: tuple[Neighbour, ...] = ()
    """Everybody, until what checks look up is written."""
    without_consent: frozenset[str] = frozenset()
    """Pseudonyms of subjects of earlier runs who may not be released any more."""
    standing: frozenset[str] = frozenset()
    """Pseudonyms of subjects of whom nothing has changed since the last run."""

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Nothing of it leaves the parent: Prefect would send what `discover` returned to every
        worker of a cluster."""
        return type(None), ()

    @property
    def listing(self) -> Listing:
        """Every file found."""
        return self.grouping.listing

    @property
    def absent(self) -> tuple[str, ...]:
        """Files that a DICOMDIR lists and that do not exist."""
        return tuple(self.listing.absent())

    @property
    def not_selected(self) -> list[str]:
        """Keys of subjects that this run leaves out."""
        ordered = {order.key for order in self.orders}
        return sorted(self.identities.keys() - ordered)

    def subject(self, key: str) -> Subject:
        """A subject with its files."""
        return self.grouping.subject(key)

    def place(self, locator: str) -> str:
        """Where a file is, as work orders have it."""
        return str(self.places.get(locator, locator))
