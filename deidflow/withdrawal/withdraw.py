"""Withdraws a person: first nobody can release them again, then releases, then the vault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deidflow.audit.ledger import Event, Ledger, remember_end
from deidflow.identity.bundle_table import BundleRecord, last_to_each
from deidflow.identity.original import sealed_demographics
from deidflow.identity.registry import Registry, Row
from deidflow.identity.secret import Keys
from deidflow.identity.sent_table import archives_with
from deidflow.identity.vault import Vault
from deidflow.identity.withdrawn import WithdrawnPatients
from deidflow.release.layout import Layout
from deidflow.release.withdrawal import leave_staging, take_out
from deidflow.report.write import write_shared
from deidflow.store.locks import held
from deidflow.store.scratch import private_files, private_folder
from deidflow.withdrawal.releases import scopes_of
from deidflow.withdrawal.source_files import (
    SourceFiles,
    forget_source_files,
    source_files,
    sources_of,
)
from deidflow.withdrawal.traces import Traces, erase_files, words_of, written_headers


@dataclass(frozen=True)
class WithdrawnSession:
    """A session that was taken out of a release."""

    release: Path
    subject: str
    session: str


@dataclass(frozen=True)
class RecipientToTell:
    """Somebody who has sessions of the person, by the last bundle for them."""

    project: str
    level: str
    bundle: BundleRecord
    sessions: tuple[str, ...]


@dataclass(frozen=True)
class ArchiveToTell:
    """An archive to which sessions of the person were sent."""

    project: str
    level: str
    archive: str
    subject: str
    sessions: tuple[str, ...]


@dataclass(frozen=True)
class HeadersToDelete:
    """Files that `deidflow anonymize` wrote of the person, which nobody deletes but the user."""

    project: str
    level: str
    subject: str
    files: int


@dataclass(frozen=True)
class Withdrawal:
    """What was taken out, who has copies, and what is left to delete."""

    sessions: tuple[WithdrawnSession, ...]
    recipients: tuple[RecipientToTell, ...]
    archives: tuple[ArchiveToTell, ...]
    headers: tuple[HeadersToDelete, ...] = ()


def withdraw_person(
    registry: Registry, rows: Sequence[Row], layouts: Sequence[Layout]
) -> Withdrawal:
    """Take a person out of releases and vault.

    A kill leaves a state in which no run releases the person, and the same call finishes the rest.
    Raises ReleaseBusy, before anything is changed, while a run is at work.
    """
    with _locked(layouts):
        patient, files = _remember(registry, rows)
        sources = set(sources_of(layouts, {row.pseudonym for row in rows}))
        withdrawn = []
        for layout in layouts:
            ours = [row.pseudonym for row in rows if _is_of(row, layout)]
            withdrawn += _out_of_release(layout, ours)

        headers = list(_headers(rows, layouts))
        for row in rows:
            traces = Traces(
                pseudonym=row.pseudonym,
                paths=files.below(sources),
                patient=patient,
                names=_names(rows),
            )
            for layout in layouts:
                if _is_of(row, layout):
                    erase_files(layout, traces)
        recipients = [recipient for row in rows for recipient in _recipients(registry, row)]
        archives = [archive for row in rows for archive in _archives(registry, row)]
        _erase_rows(
            registry,
            rows,
            layouts,
            files,
        )
    return Withdrawal(
        tuple(withdrawn),
        tuple(recipients),
        tuple(archives),
        tuple(headers),
    )


def _headers(rows: Sequence[Row], layouts: Sequence[Layout]) -> Iterator[HeadersToDelete]:
    for layout in scopes_of(layouts):
        for row in rows:
            files = written_headers(layout, row.pseudonym) if _is_of(row, layout) else 0
            if files:
                yield HeadersToDelete(
                    row.project,
                    row.level,
                    row.pseudonym,
                    files,
                )


def _archives(registry: Registry, row: Row) -> Iterator[ArchiveToTell]:
    keys = Keys(
        registry.master,
        row.project,
        row.level,
    )

    archives = archives_with(
        registry.folder,
        keys,
        row.pseudonym,
    )
    for archive, sessions in archives.items():
        yield ArchiveToTell(
            row.project,
            row.level,
            archive,
            row.pseudonym,
            sessions,
        )


def _recipients(registry: Registry, row: Row) -> Iterator[RecipientToTell]:
    with _opened(registry, row) as vault:
        last = last_to_each(vault.bundles())
    for record in last.values():
        sessions = []
        for name in record.sessions:
            if name.startswith(f"{row.pseudonym}/"):
                sessions.append(name)

        if sessions:
            yield RecipientToTell(
                row.project,
                row.level,
                record,
                tuple(sessions),
            )


def _is_of(row: Row, layout: Layout) -> bool:
    return (row.project, row.level) == (layout.project, layout.level)


def _names(rows: Sequence[Row]) -> frozenset[tuple[str, ...]]:
    words = set()
    for row in rows:
        words.add(words_of(row.name))
    return frozenset(filter(None, words))


@contextmanager
def _locked(layouts: Sequence[Layout]) -> Iterator[None]:
    """Every project, level and release at rest, and what is written private."""
    with private_files(), ExitStack() as locks:
        for layout in scopes_of(layouts):
            locks.enter_context(held(layout.work_lock, "project of the vault"))
        for layout in layouts:
            private_folder(layout.staging, "release's folder")
            locks.enter_context(held(layout.release_lock, "release"))
        yield
        for layout in layouts:
            leave_staging(layout)


def _remember(registry: Registry, rows: Sequence[Row]) -> tuple[WithdrawnPatients, SourceFiles]:
    """Keep the hashes by which no run releases the person; returns them and the files known."""
    demographics = {sealed_demographics(row.original) for row in rows}
    studies: set[str] = set()
    for row in rows:
        with _opened(registry, row) as vault:
            studies.update(vault.studies_of(row.pseudonym))

    known = registry.vault.add_withdrawn(demographics, studies)
    files = source_files(registry.vault, known)
    demographics |= files.demographics
    patient = registry.vault.add_withdrawn(demographics, studies)
    return patient, files


def _out_of_release(layout: Layout, pseudonyms: Sequence[str]) -> list[WithdrawnSession]:
    published = layout.published_sessions()
    chosen = [session for session in published if session[0] in pseudonyms]
    if chosen:
        take_out(layout, chosen)
        if layout.shared_report.exists():
            write_shared(layout)
    return [WithdrawnSession(layout.release, *session) for session in chosen]


def _erase_rows(
    registry: Registry, rows: Sequence[Row], layouts: Sequence[Layout], files: SourceFiles
) -> None:
    """Delete the person's rows of the database, identities last: they lead here again."""
    forget_source_files(
        registry.vault,
        layouts,
        files,
    )

    for row in rows:
        with _opened(registry, row) as vault:
            vault.erase_patient(row.pseudonym)
    registry.vault.wipe_deleted()
    for row in rows:
        _note_erasure(registry, row)


def _note_erasure(registry: Registry, row: Row) -> None:
    """Note in the audit that nobody can open a subject's original values any more."""
    with _opened(registry, row) as vault:
        ledger = Ledger.of(vault.folder, vault.keys)
        ledger.add(Event.ERASED, {"subject": row.pseudonym})
        remember_end(vault)


@contextmanager
def _opened(registry: Registry, row: Row) -> Iterator[Vault]:
    keys = Keys(
        registry.master,
        row.project,
        row.level,
    )
    with closing(Vault(registry.folder, keys)) as vault:
        yield vault
