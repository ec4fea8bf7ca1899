"""Discover: the inventory of the source, who is in it, and the work orders of this run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from deidflow.burned.installed import reads
from deidflow.consent.admission import admission_of
from deidflow.dicom.grouping import Cohort, Subject
from deidflow.dicom.instance import Instance
from deidflow.dicom.source_walk import is_working_folder, walk
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.identity.cohort import grouper, order_options, refuse_mixed_folders
from deidflow.identity.neighbours import write_neighbours
from deidflow.identity.orders import person_of, refuse_split_studies, split_studies, work_order
from deidflow.identity.persons import Person
from deidflow.identity.vault import Identity, Vault
from deidflow.identity.workorder import WorkOrder
from deidflow.inventory.components import components
from deidflow.inventory.listing import Listing
from deidflow.release.layout import Layout
from deidflow.run.event_dates import event_dates
from deidflow.run.selection import Selection, selection_of
from deidflow.run.source_inventory import InventoryTaker
from deidflow.settings.effective import effective_profile
from deidflow.settings.input import InputSettings
from deidflow.settings.run import PlanSettings, RunSettings
from deidflow.store.children import Children


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

    listing: Listing
    places: Mapping[str, Path]
    """Locator -> file, for members of archives only."""
    identities: dict[str, Identity]
    """By subject key."""
    orders: tuple[OrderedSubject, ...]
    """The selected subjects by pseudonym."""
    study_uids: frozenset[str]
    """Every study of which there is a readable instance, whatever its verdict."""
    without_consent: frozenset[str] = frozenset()
    """Pseudonyms of subjects of earlier runs who may not be released any more."""
    standing: frozenset[str] = frozenset()
    """Pseudonyms of subjects of whom nothing has changed since the last run."""

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
        return self.listing.subject(key)

    def place(self, locator: str) -> str:
        """Where a file is, as work orders have it."""
        return str(self.places.get(locator, locator))


@dataclass
class _Grouped:
    """What is found while the source is grouped piece by piece."""

    selection: Selection
    persons: list[Person] = field(default_factory=list)
    study_uids: set[str] = field(default_factory=set)
    mixed_folders: list[str] = field(default_factory=list)
    split_studies: int = 0

    def add(self, cohort: Cohort) -> None:
        """Take a piece of the source."""
        self.persons += map(person_of, cohort.subjects)
        self.study_uids |= cohort.study_uids
        self.mixed_folders += cohort.mixed_folders
        self.split_studies += sum(map(split_studies, cohort.subjects))
        self.selection.add(cohort)


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
    batch = make_batch(listing, vault, settings, places)
    for order in work_orders(batch, vault, settings):
        order.with_places(places).write(layout.order(order.pseudonym))

    write_neighbours(
        map(batch.subject, sorted(batch.identities)),
        batch.identities,
        settings.source,
        layout.neighbours,
        vault.keys.derive("hash"),
        places=places,
    )
    return replace(
        batch,
        without_consent=admission.refused_subjects(vault.originals()),
    )


def make_batch(
    listing: Listing,
    vault: Vault,
    settings: PlanSettings,
    places: Mapping[str, Path],
) -> RunBatch:
    """Group the inventory, identify everyone in one transaction, select subjects."""
    grouped = _group(listing, vault, settings)
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
        listing=listing,
        places=places,
        identities=identities,
        orders=tuple(sorted(orders, key=lambda order: order.pseudonym)),
        study_uids=frozenset(grouped.study_uids),
    )


def _ordered(key: str, identity: Identity) -> OrderedSubject:
    labels = sorted(identity.labels.values())
    return OrderedSubject(key, identity.pseudonym, tuple(labels))


def _group(listing: Listing, vault: Vault, settings: PlanSettings) -> _Grouped:
    """Group a listing, note its verdicts and keep its subjects."""
    group = grouper(
        settings,
        defacing=settings.defacing,
        known=vault.demographics,
        reading=reads(settings.burned_in),
        asked_for=partial(_is_asked_for, settings.input),
        manifest=settings.input.manifest,
    )
    grouped = _Grouped(selection_of(settings))
    pieces = components(
        listing,
        settings.ids.discovery,
        settings.input.manifest,
    )
    for numbers in pieces:
        rows = listing.numbered(numbers)
        cohort = group(row.entry for row in rows)
        listing.decide(
            (row.number, cohort.verdicts[row.entry.path], cohort.owners[row.entry.path])
            for row in rows
            if row.entry.path in cohort.verdicts
        )
        listing.keep(cohort.subjects)
        grouped.add(cohort)
    return grouped


def work_orders(batch: RunBatch, vault: Vault, settings: PlanSettings) -> Iterator[WorkOrder]:
    """The work orders of the selected subjects by pseudonym, one after the other."""
    source = settings.source
    profile = effective_profile(settings)
    options = order_options(settings, profile)
    for ordered in batch.orders:
        subject = batch.subject(ordered.key)
        dates = event_dates(
            [subject],
            profile.dates.since,
            source,
            batch.places,
        )
        yield work_order(
            subject,
            batch.identities[ordered.key],
            vault.keys,
            source,
            replace(options, event_dates=dates),
        )


def _is_asked_for(asked: InputSettings, instance: Instance) -> bool:
    if not asked.selects_series:
        return True
    names = [instance.series_description, instance.protocol_name]
    return asked.takes(instance.modality, instance.body_part, names)
