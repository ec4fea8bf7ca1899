"""The vault: identities found by keyed hash, originals sealed; one writer, the parent process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from deidflow.dicom.demographics import Demographics
from deidflow.identity.audit_table import AuditTable
from deidflow.identity.bundle_table import BundleRecord, BundleTable
from deidflow.identity.database import is_intact, open_database, transaction
from deidflow.identity.manifest_names import (
    check_manifest_names,
    check_published_names,
    check_published_sessions,
    names_by_manifest,
)
from deidflow.identity.original import Original, sealed_demographics
from deidflow.identity.patient_table import PatientTable, select_scopes
from deidflow.identity.persons import Person
from deidflow.identity.release_table import insert_release, select_releases
from deidflow.identity.secret import Keys
from deidflow.identity.session_table import SessionOriginals, SessionTable
from deidflow.identity.sessions import DatedStudy, label_sessions
from deidflow.identity.shifts import shift_days
from deidflow.identity.strategies import Namer
from deidflow.identity.withdrawn import (
    WithdrawnPatients,
    insert_withdrawn,
    select_withdrawn,
    withdrawal_tokens,
)
from deidflow.settings.sections import IdSettings, SessionSettings


@dataclass(frozen=True)
class Identity:
    """What a patient is called in one project and level."""

    pseudonym: str
    shift_days: int
    labels: dict[str, str]
    """Study UID -> session label."""
    anchor: date | None = None
    """The date from which labels count."""
    audit_key: bytes = b""
    """Seals and hashes the subject's values in the audit."""


class Vault:
    """The database of one vault, for one project and level."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder = folder
        self.keys = keys
        self._database = open_database(folder, keys)
        self._patients = PatientTable(self._database, keys)
        self._sessions = SessionTable(self._database, keys)
        self._bundles = BundleTable(self._database, keys)
        self.audit = AuditTable(self._database, keys)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    # identities

    def identify(
        self,
        persons: Sequence[Person],
        ids: IdSettings | None = None,
        sessions: SessionSettings | None = None,
    ) -> dict[str, Identity]:
        """Assign pseudonyms and session labels in one transaction; the published never changes.

        New patients are named in the order of their keyed hash, which says nothing about names.
        """
        id_settings = ids or IdSettings()
        session_settings = sessions or SessionSettings()
        identities: dict[str, Identity] = {}
        check_manifest_names(persons, id_settings)
        if not names_by_manifest(id_settings):
            persons = [replace(person, session_labels={}) for person in persons]
        with transaction(self._database):
            published = self._published_names(persons)
            self._add_new(persons, id_settings)
            for person in persons:
                identities[person.key] = self._label(person, session_settings)
            pseudonyms = {key: identity.pseudonym for key, identity in identities.items()}
            check_published_names(persons, pseudonyms, published, id_settings)
        return identities

    def _published_names(self, persons: Sequence[Person]) -> dict[str, str]:
        """Study UID -> pseudonym, of published studies of patients whom a manifest names."""
        subjects = self._sessions.published_subjects()
        names: dict[str, str] = {}
        for person in persons:
            for uid in person.studies if person.label else ():
                pseudonym = subjects.get(self._sessions.lookup(uid))
                if pseudonym is not None:
                    names[uid] = pseudonym
        return names

    def _add_new(self, persons: Sequence[Person], settings: IdSettings) -> None:
        by_lookup = {self._patients.lookup(person.key): person for person in persons}
        taken = self._patients.pseudonyms() | self._patients.retired()
        lookups = sorted(by_lookup.keys() - taken.keys())
        new = [by_lookup[lookup] for lookup in lookups]

        namer = Namer(settings, self.keys)
        names = namer.names(new, taken, persons)
        for person in new:
            self._patients.insert(
                key=person.key,
                pseudonym=names[person.key],
                shift_days=shift_days(self.keys, person),
                original=person.original,
            )

    def _label(self, person: Person, settings: SessionSettings) -> Identity:
        """Label a patient's studies and store the sessions that are not published."""
        patient = self._patients.select(person.key)
        published = self._sessions.published_labels(patient.pseudonym)
        lookups = {uid: self._sessions.lookup(uid) for uid in person.studies}
        studies = [DatedStudy(lookups[uid], day) for uid, day in person.studies.items()]
        fixed_anchor = date.fromisoformat(patient.anchor) if patient.anchor else None
        labels, anchor = label_sessions(
            studies,
            published,
            fixed_anchor,
            settings,
            {lookups[uid]: name for uid, name in person.session_labels.items()},
        )
        by_uid = {uid: labels[lookup] for uid, lookup in lookups.items()}
        check_published_sessions(by_uid, person)

        self._sessions.forget_unpublished(patient.pseudonym)
        for uid, lookup in lookups.items():
            if lookup not in published:
                original = _session_originals(
                    person.studies,
                    uid,
                    anchor,
                )
                self._sessions.replace(
                    patient.pseudonym,
                    labels[lookup],
                    original,
                )
        return Identity(
            pseudonym=patient.pseudonym,
            shift_days=patient.shift_days,
            labels=by_uid,
            anchor=anchor,
            audit_key=self.audit.key_of(patient.pseudonym),
        )

    def demographics(self, key: str) -> Demographics | None:
        """What headers said of the patient with this key at first; None for a new one."""
        original = self._patients.original(key)
        return None if original is None else sealed_demographics(original)

    def mark_published(self, sessions: Iterable[tuple[str, str]]) -> None:
        """Fix the labels of (pseudonym, label) pairs, and the date from which labels count."""
        with transaction(self._database):
            known = self._sessions.published_names()
            for pseudonym, label in sessions:
                if (pseudonym, label) in known:
                    continue
                original = self._sessions.publish(pseudonym, label)
                if original is not None:
                    anchor = original.anchor or None
                    self._patients.set_anchor(pseudonym, anchor)

    def published_of(self, study_uids: Iterable[str]) -> set[tuple[str, str]]:
        """(pseudonym, label) of the published sessions among these studies."""
        return self._sessions.published_of(study_uids)

    # withdrawals

    def withdrawn(self) -> WithdrawnPatients:
        """Everybody who has withdrawn consent, in any project and level."""
        return select_withdrawn(self._database, self.keys)

    def add_withdrawn(
        self, demographics: Iterable[Demographics], study_uids: Iterable[str]
    ) -> WithdrawnPatients:
        """Keep by what somebody who has withdrawn is known again; returns that alone."""
        tokens = withdrawal_tokens(
            self.keys,
            demographics,
            study_uids,
        )
        with transaction(self._database) as database:
            insert_withdrawn(database, tokens)
        return WithdrawnPatients(
            frozenset(tokens),
            self.keys,
        )

    def studies_of(self, pseudonym: str) -> list[str]:
        """Study UIDs of a subject."""
        return self._sessions.studies_of(pseudonym)

    def erase_patient(self, pseudonym: str) -> None:
        """Delete a patient with all sessions; the pseudonym is nobody else's ever."""
        with transaction(self._database):
            self._sessions.erase(pseudonym)
            self.audit.erase_key(pseudonym)
            self._patients.erase(pseudonym)

    def wipe_deleted(self) -> None:
        """Write the database anew, so that the disk holds nothing of what was deleted."""
        self._database.execute("VACUUM")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # bundles

    def bundles(self) -> list[BundleRecord]:
        """Which version of which session went to whom."""
        return self._bundles.records()

    def next_bundle(self) -> int:
        """The number of the next bundle of this project and level."""
        return self._bundles.next_number()

    def add_bundle(self, record: BundleRecord) -> None:
        """Note a bundle."""
        with transaction(self._database):
            self._bundles.insert(record)

    # releases

    def note_release(self, release: Path) -> None:
        """Keep where a release of this project and level is."""
        with transaction(self._database) as database:
            insert_release(database, self.keys, release)

    def releases(self) -> list[Path]:
        """Where releases of this project and level were made."""
        return select_releases(self._database, self.keys)

    # originals

    def scopes(self) -> list[tuple[str, str]]:
        """Projects and levels in this vault."""
        return select_scopes(self._database)

    def originals(self) -> Iterator[Original]:
        """Every patient of this project and level, by pseudonym.

        Raises InvalidTag for a damaged one.
        """
        for patient in self._patients.originals():
            dates = self._sessions.dates_of(patient.pseudonym)
            yield Original(
                pseudonym=patient.pseudonym,
                shift_days=patient.shift_days,
                values=patient.values,
                sessions=tuple(dates),
            )

    def is_intact(self) -> bool:
        """Whether the database finds its own pages and indices sound."""
        return is_intact(self._database)


def _session_originals(
    studies: Mapping[str, date | None],
    uid: str,
    anchor: date | None,
) -> SessionOriginals:
    day = studies[uid]
    return SessionOriginals(
        study=uid,
        date=day.isoformat() if day else "",
        anchor=anchor.isoformat() if anchor else "",
    )
