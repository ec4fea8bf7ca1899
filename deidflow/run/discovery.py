"""Discover: the inventory of the source, who is in it, and the work orders of this run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from deidflow.archives.opened import open_archives
from deidflow.burned.installed import reads
from deidflow.consent.admission import admission_of
from deidflow.dicom.grouping import Cohort, Subject
from deidflow.dicom.instance import Instance
from deidflow.dicom.inventory import Entry
from deidflow.dicom.source_walk import is_working_folder, walk
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.identity.cohort import group_by, order_options, refuse_mixed_folders
from deidflow.identity.neighbours import write_neighbours
from deidflow.identity.orders import persons, work_order
from deidflow.identity.vault import Identity, Vault
from deidflow.identity.workorder import WorkOrder
from deidflow.release.layout import Layout
from deidflow.run.event_dates import event_dates
from deidflow.run.source_inventory import admitted_entries, take_inventory
from deidflow.settings.effective import effective_profile
from deidflow.settings.input import InputSettings
from deidflow.settings.run import PlanSettings, RunSettings
from deidflow.store.children import Children


@dataclass(frozen=True)
class RunBatch:
    """What a run has to do: cohort, identities by subject key, orders of the selected subjects."""

    cohort: Cohort
    absent: tuple[str, ...]
    identities: dict[str, Identity]
    orders: tuple[WorkOrder, ...]
    not_selected: frozenset[str]
    """Keys of subjects that this run leaves out."""
    without_consent: frozenset[str] = frozenset()
    """Pseudonyms of subjects of earlier runs who may not be released any more."""


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
    take = partial(
        take_inventory,
        vault=vault,
        children=children,
        log=layout.tool_log,
        strict=settings.strict,
        admission=admission,
    )
    opened = open_archives(
        settings.source,
        take(settings.source, named=settings.input.paths),
        layout.archives,
        take,
    )
    entries = admitted_entries(opened, admission, settings.source, vault)
    vault.mark_published(layout.published_sessions())
    batch = make_batch(entries, vault, settings, opened.places)
    for order in batch.orders:
        order.with_places(opened.places).write(layout.order(order.pseudonym))

    key = vault.keys.derive("hash")
    write_neighbours(
        batch.cohort,
        batch.identities,
        settings.source,
        layout.neighbours,
        key,
        places=opened.places,
    )
    return replace(
        batch,
        without_consent=admission.refused_subjects(vault.originals()),
    )


def make_batch(
    entries: Sequence[Entry],
    vault: Vault,
    settings: PlanSettings,
    places: Mapping[str, Path] | None = None,
) -> RunBatch:
    """Group the inventory, identify everyone in one transaction, make orders for the selected."""
    source, profile = settings.source, effective_profile(settings)
    cohort = group_by(
        entries,
        settings,
        defacing=settings.defacing,
        known=vault.demographics,
        reading=reads(settings.burned_in),
        asked_for=partial(_is_asked_for, settings.input),
        manifest=settings.input.manifest,
    )
    refuse_mixed_folders(cohort, vault.folder)
    identities = vault.identify(
        persons(cohort),
        settings.ids,
        settings.sessions,
    )
    chosen = _select(
        cohort,
        identities,
        source,
        settings.subjects,
    )
    wishes = replace(
        order_options(settings, profile),
        event_dates=event_dates(
            (subject for subject in cohort.subjects if subject.key in chosen),
            profile.dates.since,
            source,
            places or {},
        ),
    )
    orders = [
        work_order(one, identities[one.key], vault.keys, source, wishes)
        for one in cohort.subjects
        if one.key in chosen
    ]
    left_out = frozenset(one.key for one in cohort.subjects) - chosen
    absent = tuple(name for entry in entries for name in entry.absent)

    return RunBatch(
        cohort,
        absent,
        identities,
        tuple(sorted(orders, key=lambda order: order.pseudonym)),
        left_out,
    )


def _is_asked_for(asked: InputSettings, instance: Instance) -> bool:
    if not asked.selects_series:
        return True
    names = [instance.series_description, instance.protocol_name]
    return asked.takes(instance.modality, instance.body_part, names)


def _select(
    cohort: Cohort, identities: dict[str, Identity], source: Path, selection: Sequence[str]
) -> frozenset[str]:
    """Keys of the selected subjects; all without a selection. Raises UsageError for one that is not
    there."""
    everyone = frozenset(subject.key for subject in cohort.subjects)
    if not selection:
        return everyone

    chosen: set[str] = set()
    for number, wanted in enumerate(selection, 1):
        keys = _meant(
            wanted,
            cohort,
            identities,
            source,
        )
        if not keys:
            raise UsageError(
                f"entry {number} of --subjects names nobody in this source; "
                "give a pseudonym, or @FILE with source folders or PatientIDs"
            )
        chosen |= keys

    return frozenset(chosen)


def _meant(wanted: str, cohort: Cohort, identities: dict[str, Identity], source: Path) -> set[str]:
    """Keys of the subjects that an entry means: a pseudonym, else a PatientID, else a folder of the
    source."""
    keys = [subject.key for subject in cohort.subjects]
    pseudonyms = {key for key in keys if identities[key].pseudonym == wanted}
    numbers = {subject.key for subject in cohort.subjects if wanted in patient_ids(subject)}

    return (
        pseudonyms
        or numbers
        or _below(
            Path(source, wanted.rstrip("/")),
            cohort,
            source,
        )
        & set(keys)
    )


def patient_ids(subject: Subject) -> set[str]:
    """Every PatientID of a subject."""
    members = (
        member for study in subject.studies for series in study.series for member in series.members
    )
    return {member.instance.patient_id.strip() for member in members}


def _below(folder: Path, cohort: Cohort, source: Path) -> set[str]:
    if folder == source or not folder.is_relative_to(source):
        return set()
    name = str(folder.relative_to(source))
    return {
        owner
        for path, owner in cohort.owners.items()
        if path == name or path.startswith(f"{name}/")
    }
