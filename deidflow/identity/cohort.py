"""Who is in a source: the inventory grouped as settings and profile ask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from deidflow.dicom.demographics import Known, nobody
from deidflow.dicom.grouping import Cohort, group
from deidflow.dicom.inventory import Entry
from deidflow.dicom.manifest import NO_MANIFEST, Manifest
from deidflow.dicom.policy import AskedFor, class_uids, everything
from deidflow.errors import UsageError
from deidflow.header.profile import Profile
from deidflow.identity.orders import OrderOptions
from deidflow.settings.effective import effective_profile
from deidflow.settings.run import CommonSettings
from deidflow.store.files import write_bytes_atomic

MIXED_FOLDERS = "mixed_folders.txt"
"""In the vault: folders that should be one patient and hold several PatientIDs."""


def group_by(
    entries: Iterable[Entry],
    settings: CommonSettings,
    *,
    defacing: bool,
    known: Known = nobody,
    classes: Iterable[str] = (),
    manifest: Manifest = NO_MANIFEST,
) -> Cohort:
    """Group an inventory as settings and profile ask; `known` is what the vault has of subjects.

    `classes` are let through beside those of the profile.
    """
    grouped = grouper(
        settings,
        defacing=defacing,
        known=known,
        classes=classes,
        manifest=manifest,
    )
    return grouped(entries)


def grouper(
    settings: CommonSettings,
    *,
    defacing: bool,
    known: Known = nobody,
    reading: bool = False,
    asked_for: AskedFor = everything,
    classes: Iterable[str] = (),
    manifest: Manifest = NO_MANIFEST,
) -> Callable[..., Cohort]:
    """What groups entries as settings and profile ask, as `group_by`.

    `reading`: text in pixels is read later. `asked_for`: which instances are not excluded.
    """
    profile = effective_profile(settings)
    return partial(
        group,
        defacing=defacing,
        classes=class_uids((*profile.classes, *classes)),
        discovery=settings.ids.discovery,
        known=known,
        reading=reading,
        cleaning_reports=profile.cleans_reports,
        asked_for=asked_for,
        manifest=manifest,
    )


def refuse_mixed_folders(mixed: Sequence[str], vault: Path | None) -> None:
    """Raise UsageError where a folder that should be one patient holds several PatientIDs.

    Folder names may identify: they are written into the vault only.
    """
    if vault:
        _write_mixed_folders(mixed, vault)
    count = len(mixed)
    if not count:
        return

    where = "give a vault to have them named"
    if vault:
        where = f"the vault's {MIXED_FOLDERS} names them"
    raise UsageError(
        f"ids.discovery per_top_folder: {count} folders of the source hold more than one "
        f"PatientID ({where}); give each patient a folder, or choose discovery 'all'"
    )


def _write_mixed_folders(mixed: Sequence[str], vault: Path) -> None:
    """Name the folders in the vault; the list of an earlier run goes."""
    table = vault / MIXED_FOLDERS
    table.unlink(missing_ok=True)
    if mixed:
        lines = "".join(f"{folder}\n" for folder in mixed)
        write_bytes_atomic(table, os.fsencode(lines))


def order_options(settings: CommonSettings, profile: Profile) -> OrderOptions:
    """What settings and profile ask of work orders."""
    header = settings.header
    return OrderOptions(
        uid_root=header.uid_root,
        vocabulary=header.vocabulary,
        since=profile.dates.since,
    )
