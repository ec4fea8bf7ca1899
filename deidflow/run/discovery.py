"""Discover: the inventory of the source, who is in it, and the work orders of this run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from deidflow.burned.installed import reads
from deidflow.consent.admission import admission_of
from deidflow.dicom.instance import Instance
from deidflow.dicom.source_walk import is_working_folder, walk
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.identity.cohort import grouper, refuse_mixed_folders
from deidflow.identity.neighbours import Neighbour, write_neighbours
from deidflow.identity.orders import refuse_split_studies
from deidflow.identity.persons import Person
from deidflow.identity.vault import Identity, Vault
from deidflow.inventory.components import components
from deidflow.inventory.listing import Listing
from deidflow.inventory.pieces import PieceStore
from deidflow.release.layout import Layout
from deidflow.run.batch import OrderedSubject, RunBatch
from deidflow.run.orders import write_orders
from deidflow.run.pieces import Grouping, Piece, PieceMemory
from deidflow.run.rules import rules_digest
from deidflow.run.selection import Selection, selection_of
from deidflow.run.source_inventory import InventoryTaker
from deidflow.settings.input import InputSettings
from deidflow.settings.run import PlanSettings, RunSettings
from deidflow.store.children import Children


@dataclass
class _Grouped:
    """What is found while the source is grouped piece by piece."""

    selection: Selection
    persons: list[Person] = field(default_factory=list)
    neighbours: list[Neighbour] = field(default_factory=list)
    study_uids: set[str] = field(default_factory=set)
    mixed_folders: list[str] = field(default_factory=list)
    split_studies: int = 0

    def add(self, piece: Piece) -> None:
        """Take a piece of the source."""
        self.persons += piece.persons
        self.neighbours += piece.neighbours
        self.study_uids |= piece.study_uids
        self.mixed_folders += piece.mixed_folders
        self.split_studies += piece.split_studies
        self.selection.add_known(person.key for person in piece.persons)


def check_source(settings: PlanSettings) -> None:
    """Refuse a source that is missing, no folder, unreadable, or without a single file."""
    source = settings.source
    if not source.exists():
        raise UsageError("the source folder does not exist; check the path")

    if not source.is_dir():
        raise UsageError(
            "the source is not a folder; name the folder that holds the DICOM subjects"
        )

    if any(is_working_folder(name) for name in source.resolve().parts):
        raise UsageError(
            "the source lies in a working folder of deidflow; name the folder of the original files"
        )

    try:
        next(source.iterdir(), None)
    except OSError as error:
        raise EnvironmentFault(
            f"the source folder cannot be read: {error.strerror}; check its permissions"
        ) from None

    if next(walk(source, settings.input.paths), None) is None:
        raise UsageError("the source folder holds no files; check the path")


def discover_batch(
    settings: RunSettings, layout: Layout, vault: Vault, children: Children
) -> RunBatch:
    """Read the source, identify its subjects, and write what the steps need into the vault."""
    admission = admission_of(settings.consent, vault.withdrawn())
    taker = InventoryTaker(
        children=children,
        log=layout.tool_log,
        work=layout.work,
        archives=layout.archives,
        admission=admission,
        known=layout.vault,
        strict=settings.strict,
    )
    listing, places = taker.source(settings.source, settings.input.paths)
    vault.mark_published(layout.published_sessions())
    with closing(PieceStore(layout.pieces)) as store:
        memory = PieceMemory(
            store,
            rules_digest(settings),
            vault.keys.derive("hash"),
            recalls=not settings.subjects and not settings.strict,
        )
        batch = make_batch(
            listing,
            vault,
            settings,
            places,
            memory,
        )
        write_orders(batch, vault, settings, layout, memory)
        store.keep_only(memory.used)

    write_neighbours(
        batch.neighbours,
        batch.identities,
        settings.source,
        layout.neighbours,
        memory.hash_key,
        places=places,
    )
    return replace(
        batch,
        neighbours=(),
        without_consent=admission.refused_subjects(vault.originals()),
    )


def make_batch(
    listing: Listing,
    vault: Vault,
    settings: PlanSettings,
    places: Mapping[str, Path],
    memory: PieceMemory | None = None,
) -> RunBatch:
    """Group the inventory, identify everyone in one transaction, select subjects.

    With a memory, pieces that are as they were at the last run are taken from there.
    """
    grouping = _grouping(
        listing,
        vault,
        settings,
        memory,
    )
    grouped = _group(grouping, settings)
    refuse_mixed_folders(sorted(grouped.mixed_folders), vault.folder)
    refuse_split_studies(grouped.split_studies)
    identities = vault.identify(
        sorted(grouped.persons, key=lambda person: person.key),
        settings.ids,
        settings.sessions,
    )
    chosen = grouped.selection.chosen(identities)
    orders = [_ordered(key, identities[key]) for key in chosen]
    return RunBatch(
        grouping=grouping,
        places=places,
        identities=identities,
        orders=tuple(sorted(orders, key=lambda order: order.pseudonym)),
        study_uids=frozenset(grouped.study_uids),
        neighbours=tuple(grouped.neighbours),
    )


def _ordered(key: str, identity: Identity) -> OrderedSubject:
    labels = sorted(identity.labels.values())
    return OrderedSubject(key, identity.pseudonym, tuple(labels))


def _grouping(
    listing: Listing, vault: Vault, settings: PlanSettings, memory: PieceMemory | None
) -> Grouping:
    group = grouper(
        settings,
        defacing=settings.defacing,
        reading=reads(settings.burned_in),
        asked_for=partial(_is_asked_for, settings.input),
        manifest=settings.input.manifest,
    )
    return Grouping(
        listing,
        lambda entries, known: group(entries, known=known),
        vault.demographics,
        memory,
    )


def _group(grouping: Grouping, settings: PlanSettings) -> _Grouped:
    """Group a listing, note its verdicts and keep its subjects."""
    grouped = _Grouped(selection_of(settings))
    pieces = components(
        grouping.listing,
        settings.ids.discovery,
        settings.input.manifest,
    )
    for numbers in pieces:
        piece = grouping.piece(numbers, grouped.selection.add)
        grouped.add(piece)
    return grouped


def _is_asked_for(asked: InputSettings, instance: Instance) -> bool:
    if not asked.selects_series:
        return True
    names = [instance.series_description, instance.protocol_name]
    return asked.takes(instance.modality, instance.body_part, names)
