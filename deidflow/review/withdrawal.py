"""Takes a published session out of the release, and brings the release's tables up to date."""

from __future__ import annotations

from deidflow.release.changes import note_versions
from deidflow.release.layout import Layout
from deidflow.release.publish import keep_withdrawn, withdraw
from deidflow.release.tables import write_checksums, write_subjects
from deidflow.report.write import write_shared
from deidflow.store.files import Manifest
from deidflow.store.locks import held
from deidflow.store.record import StepStore
from deidflow.store.staging import is_inside, remove_staging


def withdraw_session(layout: Layout, pseudonym: str, label: str) -> bool:
    """Move a session out of the release, for its owner to look at; False where it is not published.

    Raises ReleaseBusy while a run is at work on the release: the run asks for decisions itself.
    """
    published = layout.published(pseudonym, label)
    if not published.is_dir():
        return False
    with held(layout.release_lock, "release"):
        withdraw(published, layout.staging)
        if is_inside(layout.release):
            keep_withdrawn(layout.staging, layout.withdrawn)
        write_subjects(layout)
        manifests = release_manifests(layout)
        note_versions(layout, manifests)
        write_checksums(layout, manifests)
        if layout.shared_report.exists():
            write_shared(layout)
        remove_staging(layout.release)
    return True


def release_manifests(layout: Layout) -> dict[tuple[str, str], Manifest]:
    """What is published of each session: as recorded where it is intact, else read anew."""
    manifests = {}
    for pseudonym, label in layout.published_sessions():
        published = layout.published(pseudonym, label)
        recorded = StepStore(layout.session_work(pseudonym, label)).manifest("reconstruct")
        is_intact = recorded is not None and recorded.intact(published)
        if recorded is not None and is_intact:
            manifests[pseudonym, label] = recorded
        else:
            manifests[pseudonym, label] = Manifest.scan(published)
    return manifests
