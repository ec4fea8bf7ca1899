"""Before a run: locks taken, leftovers of a killed run finished or removed, the vault opened."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from deidflow.bids.description import read_participants
from deidflow.bids.root import check_root
from deidflow.bids.rules import load_rules as load_name_rules
from deidflow.burned.devices import load_rules as load_device_rules
from deidflow.burned.installed import check_reader, reader_notes, reader_tools
from deidflow.errors import ConfigError, EnvironmentFault
from deidflow.face.engine_installed import check_engine
from deidflow.identity.secret import Keys, load_secret, release_id
from deidflow.identity.vault import Vault
from deidflow.nifti.tool import tool_path, tool_version
from deidflow.release.dataset import ReviewRow, write_dataset
from deidflow.release.layout import Layout
from deidflow.release.publish import complete
from deidflow.release.tables import check_place, check_release
from deidflow.release.withdrawal import leave_staging
from deidflow.run.audit import audited
from deidflow.run.discovery import check_source
from deidflow.settings.effective import effective_profile
from deidflow.settings.profile_warnings import profile_warnings
from deidflow.settings.run import RunSettings
from deidflow.steps import STEP_NAMES
from deidflow.steps.step import installed
from deidflow.store.locks import held
from deidflow.store.scratch import private_files, private_folder, public_folder, sweep

_LEAST_FREE = 64 << 20


@contextmanager
def locked_run(settings: RunSettings, *, wait: bool = False) -> Iterator[Vault]:
    """The vault of a run that holds release and project while the context is open.

    Checks source, tools and space, completes what a killed run left, and describes the release.
    Where another run holds the locks, waits or raises ReleaseBusy. Raises UsageError, VaultMismatch
    or EnvironmentFault; then nothing was written but empty folders and a new vault.
    """
    layout = Layout.of(settings)
    check_redo(settings)
    check_places(settings)
    check_source(settings)

    with private_files():
        _make_folders(layout)
        with (
            held(layout.release_lock, "release", wait=wait),
            held(
                layout.work_lock,
                "project of the vault",
                wait=wait,
            ),
            _left_clean(layout),
            _opened(settings, layout) as vault,
            audited(vault),
        ):
            clean_up(layout)
            describe_release(settings, vault.keys)
            vault.note_release(layout.release)
            yield vault


@contextmanager
def _left_clean(layout: Layout) -> Iterator[None]:
    try:
        yield
    finally:
        leave_release(layout)


def _make_folders(layout: Layout) -> None:
    folders = {
        layout.vault: "vault",
        layout.work: "vault",
        layout.staging: "release's folder",
    }
    for folder, name in folders.items():
        private_folder(folder, name)
        if shutil.disk_usage(folder).free < _LEAST_FREE:
            raise EnvironmentFault(
                f"less than 64 MiB are free where the {name} is; free some and run again"
            )


def check_redo(settings: RunSettings) -> None:
    """Raise ConfigError where the step to do again is not a step."""
    if settings.redo is not None and settings.redo not in STEP_NAMES:
        names = ", ".join(STEP_NAMES)
        raise ConfigError(f"'redo': '{settings.redo}' is not a step; expected one of {names}")


def check_places(settings: RunSettings) -> None:
    """Check the release's place and the tools. Raises UsageError or EnvironmentFault."""
    layout = Layout.of(settings)
    check_place(layout)
    if settings.output.layout == "bids":
        check_root(settings.release, layout.release)
        load_name_rules(settings.output.names)
        read_participants(settings.output.participants)
    tool_path()
    if settings.defacing:
        check_engine(settings.deface)
    check_reader(settings.burned_in)
    load_device_rules(settings.burned_in.rules)


@contextmanager
def _opened(settings: RunSettings, layout: Layout) -> Iterator[Vault]:
    """The vault; raises VaultMismatch where vault and release do not belong together."""
    keys = Keys(
        load_secret(layout.vault, create=True),
        settings.project,
        settings.level,
    )
    vault = Vault(layout.vault, keys)
    try:
        check_release(layout, release_id(keys))
        yield vault
    finally:
        vault.close()


def clean_up(layout: Layout) -> None:
    """Complete an interrupted replacement, and remove what a killed run left."""
    for path in layout.unfinished_runs():
        path.unlink(missing_ok=True)
        path.with_suffix(".fault").unlink(missing_ok=True)
    complete(layout.staging)
    sweep(layout.staging)
    sweep(layout.work)


def leave_release(layout: Layout) -> None:
    """At the end of a run: nothing private stays inside the release; a sibling stays while it is
    used.

    Sessions that were withdrawn go to the vault. One that is held in staging is built again by the
    next run.
    """
    # What cannot be moved now stays private, and the next run tries again.
    with suppress(OSError):
        leave_staging(layout)


def describe_release(settings: RunSettings, keys: Keys) -> None:
    """Make the release's folder and its dataset.json."""
    layout = Layout.of(settings)
    public_folder(settings.release, "release")
    public_folder(layout.release, "release")
    tools = {"dcm2niix": tool_version(), "SimpleITK": installed("SimpleITK")}
    tools |= reader_tools(settings.burned_in)
    profile = effective_profile(settings)
    notes = (
        *profile_warnings(settings, profile),
        *reader_notes(settings.burned_in),
    )
    write_dataset(
        layout,
        profile,
        release_id(keys),
        tools,
        settings.defacing,
        settings.refacing,
        masks_released=not settings.defacing or settings.deface.releases_masks,
        notes=notes,
        review=_review(settings),
    )


def _review(settings: RunSettings) -> ReviewRow | None:
    """What people have to look at; nothing where faces are kept."""
    if not settings.defacing:
        return None
    return ReviewRow(
        settings.review.sample,
        settings.review.again,
    )
