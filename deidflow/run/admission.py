"""Who may go on: asked of the head of a file, before anything else of a patient is read or kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deidflow.consent.allow_list import ListedPerson, read_allow_list
from deidflow.consent.judgement import refusals
from deidflow.dicom.demographics import Demographics
from deidflow.dicom.inventory import Entry
from deidflow.identity.vault import Original
from deidflow.identity.withdrawn import WithdrawnPatients
from deidflow.settings.consent import ConsentSettings
from deidflow.verdicts import Reason, Verdict


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
        """Path -> the entry of a file that may not go on: nothing of its header is in it."""
        asked = [entry for entry in entries if entry.instance is not None]
        reasons = self._reasons(asked)
        refused = {}
        for entry in asked:
            reason = reasons.get(entry.path)
            if reason is not None:
                refused[entry.path] = _refusal(entry.path, reason)
        return refused

    def refused_subjects(self, originals: Iterable[Original]) -> frozenset[str]:
        """Pseudonyms of subjects known from earlier runs who may not go on any more."""
        if not self.is_asked:
            return frozenset()
        patients = {original.pseudonym: original.demographics for original in originals}
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
            if self.withdrawn.include(demographics, entry.instance.study_uid):
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
