"""Un-publishing: sessions leave a release, each in one rename, and the tables say so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from deidflow.release.audit_events import note_withdrawn
from deidflow.release.changes import note_versions
from deidflow.release.layout import Layout
from deidflow.release.publish import keep_withdrawn, withdraw
from deidflow.release.tables import write_checksums, write_subjects
from deidflow.store.files import Manifest
from deidflow.store.locks import held
from deidflow.store.record import StepStore
from deidflow.store.scratch import private_files, private_folder
from deidflow.store.staging import is_inside, remove_staging

SessionName = tuple[str, str]
"""Pseudonym and label."""


def withdraw_sessions(layout: Layout, sessions: Iterable[SessionName]) -> list[SessionName]:
    """Withdraw sessions that are published, and renew the tables; returns those that were.

    They are kept in the private staging folder, or in the vault where none may stay. Raises
    ReleaseBusy while a run is at work on the release.
    """
    published = set(layout.published_sessions())
    chosen = sorted(published.intersection(sessions))
    if not chosen:
        return []

    with locked_release(layout):
        take_out(layout, chosen)
    return chosen


def take_out(layout: Layout, sessions: Iterable[SessionName]) -> None:
    """Withdraw published sessions, for a caller who holds the locks of release and project."""
    taken = list(sessions)
    for subject, label in taken:
        withdraw(
            layout.published(subject, label),
            layout.staging,
        )
    write_subjects(layout)
    manifests = release_manifests(layout)
    note_versions(layout, manifests)
    write_checksums(layout, manifests)
    note_withdrawn(layout, taken)


def renew_checksums(layout: Layout) -> None:
    """Write the checksums of the release as it is."""
    write_checksums(layout, release_manifests(layout))


def release_manifests(
    layout: Layout, beside: Collection[SessionName] = ()
) -> dict[SessionName, Manifest]:
    """What is published of each session, `beside` some: as recorded where it is intact, else read
    anew."""
    manifests = {}
    for pseudonym, label in layout.published_sessions():
        if (pseudonym, label) in beside:
            continue
        published = layout.published(pseudonym, label)
        store = StepStore(layout.session_work(pseudonym, label))
        recorded = store.manifest("reconstruct")
        if recorded is None or not recorded.intact(published):
            recorded = Manifest.scan(published)
        manifests[pseudonym, label] = recorded
    return manifests


@contextmanager
def locked_release(layout: Layout) -> Iterator[None]:
    """Hold a release and its vault, to change what is published; raises ReleaseBusy."""
    with private_files():
        private_folder(layout.staging, "release's folder")
        with (
            held(layout.release_lock, "release"),
            held(layout.work_lock, "project of the vault"),
        ):
            yield
            leave_staging(layout)


def leave_staging(layout: Layout) -> None:
    """Leave nothing private inside a release; sessions that were withdrawn go to the vault."""
    if is_inside(layout.release):
        keep_withdrawn(layout.staging, layout.withdrawn)
    remove_staging(layout.release)
