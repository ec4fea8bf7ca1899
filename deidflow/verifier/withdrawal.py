"""Un-publishing: sessions leave a release, each in one rename, and the tables say so."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack

from deidflow.release.changes import note_versions
from deidflow.release.layout import Layout
from deidflow.release.publish import keep_withdrawn, withdraw
from deidflow.release.tables import write_checksums, write_subjects
from deidflow.store.files import Manifest
from deidflow.store.locks import held
from deidflow.store.scratch import private_folder
from deidflow.store.staging import is_inside, remove_staging


def withdraw_sessions(layout: Layout, sessions: Iterable[str]) -> list[str]:
    """Withdraw sessions (`P001/M00`) that are published; returns those that were.

    They are kept in the private staging folder, or in the vault where none may stay.
    Raises ReleaseBusy while a run is at work.
    """
    published = {f"{subject}/{label}" for subject, label in layout.published_sessions()}
    chosen = sorted(published.intersection(sessions))
    if not chosen:
        return []
    os.umask(0o077)
    private_folder(layout.staging, "release's folder")
    with ExitStack() as stack:
        stack.enter_context(held(layout.release_lock, "release"))
        stack.enter_context(held(layout.work_lock, "project of the vault"))
        stack.callback(_leave, layout)
        for session in chosen:
            subject, label = session.split("/")
            withdraw(layout.published(subject, label), layout.staging)
        _write_tables(layout)
    return chosen


def _write_tables(layout: Layout) -> None:
    """Write the tables at the top of the release anew, from what is published now."""
    write_subjects(layout)
    manifests = {
        (subject, label): Manifest.scan(layout.published(subject, label))
        for subject, label in layout.published_sessions()
    }
    note_versions(layout, manifests)
    write_checksums(layout, manifests)


def _leave(layout: Layout) -> None:
    """Leave nothing private inside the release."""
    if is_inside(layout.release):
        keep_withdrawn(layout.staging, layout.withdrawn)
    remove_staging(layout.release)
