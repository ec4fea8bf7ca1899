"""Who may go on: asked of the head of a file, before anything else of a patient is read or kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from deidflow.archives.unpack import MARK
from deidflow.consent.allow_list import ListedPerson, read_allow_list
from deidflow.consent.judgement import refusals
from deidflow.dicom.demographics import Demographics
from deidflow.dicom.inventory import Entry
from deidflow.identity.original import Original
from deidflow.identity.withdrawn import WithdrawnPatients
from deidflow.settings.consent import ConsentSettings
from deidflow.verdicts import UNRECORDED, Reason, Verdict

ARCHIVE_MARK = MARK.rstrip("/")
"""What the locators of an archive's members have behind its path, as a folder."""


@dataclass(frozen=True)
class Admission:
    """Who has withdrawn, and who has consented: `listed` is None where everybody may go on."""

    withdrawn: WithdrawnPatients
    listed: Sequence[ListedPerson] | None = None
    threshold: float = 0.0

    @property
    def is_asked(self) -> bool:
        """Whether anybody can be refused."""
        return self.listed is not None or bool(self.withdrawn)

    def refused(self, entries: Iterable[Entry]) -> dict[str, Entry]:
        """Path -> the entry of a file that may not go on: nothing of its header is in it.

        Other files in a folder that holds images of refused patients alone are theirs too.
        """
        everything = list(entries)
        asked = []
        others = []
        for entry in everything:
            if entry.instance is None:
                others.append(entry.path)
            else:
                asked.append(entry)

        reasons = self._reasons(asked)
        folders = _folders_by_reason(asked, reasons)
        for path in others:
            reason = _reason_beside(path, folders)
            if reason is not None:
                reasons[path] = reason

        refused_files = {}
        for path, reason in reasons.items():
            refused_files[path] = _refusal(path, reason)
        return refused_files

    def refused_subjects(self, originals: Iterable[Original]) -> frozenset[str]:
        """Pseudonyms of subjects known from earlier runs who may not go on any more."""
        if not self.is_asked:
            return frozenset()
        patients = {}
        for original in originals:
            patients[original.pseudonym] = original.demographics
        reasons = self._unlisted(patients.values())
        refused = set()
        for pseudonym, patient in patients.items():
            if patient in reasons or self.withdrawn.include(patient):
                refused.add(pseudonym)
        return frozenset(refused)

    def _unlisted(self, patients: Iterable[Demographics]) -> dict[Demographics, Reason]:
        if self.listed is None:
            return {}
        return refusals(
            set(patients),
            self.listed,
            self.threshold,
        )

    def _reasons(self, entries: Sequence[Entry]) -> dict[str, Reason]:
        patients: dict[str, Demographics] = {}
        reasons: dict[str, Reason] = {}
        for entry in entries:
            if entry.instance is None:
                continue
            demographics = Demographics.of(entry.instance)
            study = entry.instance.study_uid
            if self.withdrawn.include(demographics, study):
                reasons[entry.path] = Reason.CONSENT_WITHDRAWN
            else:
                patients[entry.path] = demographics

        by_patient = self._unlisted(patients.values())
        for path, demographics in patients.items():
            if demographics in by_patient:
                reasons[path] = by_patient[demographics]
        return reasons


def admission_of(settings: ConsentSettings, withdrawn: WithdrawnPatients) -> Admission:
    """The admission that settings ask for; raises ConfigError for a list that is not understood."""
    if settings.list is None:
        return Admission(withdrawn)
    listed = read_allow_list(settings, settings.list)
    return Admission(
        withdrawn,
        listed,
        settings.threshold,
    )


Folders = Mapping[str, set[Reason | None]]
"""Folder -> why images below it may not go on; None among them for one that may."""


def _folders_by_reason(entries: Iterable[Entry], reasons: Mapping[str, Reason]) -> Folders:
    folders: defaultdict[str, set[Reason | None]] = defaultdict(set)
    for entry in entries:
        for folder in _folders_above(entry.path):
            reason = reasons.get(entry.path)
            folders[folder].add(reason)
    return folders


def _reason_beside(path: str, folders: Folders) -> Reason | None:
    """Why a file without a patient may not go on: it lies with patients who all may not.

    An archive lies with its members.
    """
    for folder in (path + ARCHIVE_MARK, *_folders_above(path)):
        if folder in folders:
            alone = folders[folder] <= UNRECORDED
            return min(filter(None, folders[folder])) if alone else None
    return None


def _folders_above(path: str) -> list[str]:
    """Every folder that a file is in, the innermost first; the source itself is not one."""
    return [str(folder) for folder in PurePosixPath(path).parents][:-1]


def _refusal(path: str, reason: Reason) -> Entry:
    """An ambiguous list is for somebody to correct; the others are simply not asked for."""
    verdict = Verdict.QUARANTINED if reason is Reason.CONSENT_AMBIGUOUS else Verdict.EXCLUDED
    return Entry(
        path,
        "",
        verdict,
        reason,
        None,
    )
