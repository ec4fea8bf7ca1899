"""Which subjects of a source a run is asked to take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deidflow.dicom.grouping import Cohort, Subject
from deidflow.errors import UsageError
from deidflow.identity.vault import Identity
from deidflow.settings.run import PlanSettings


@dataclass
class Selection:
    """What `subjects` asks for, and what of it was found while the source was grouped."""

    wanted: tuple[str, ...]
    folders: Mapping[str, str]
    """Entry -> the folder below the source that it would be."""
    everyone: set[str] = field(default_factory=set)
    numbers: dict[str, set[str]] = field(default_factory=dict)
    """PatientID that is wanted -> keys of subjects."""
    below: dict[str, set[str]] = field(default_factory=dict)
    """Entry -> keys of whoever has instances in its folder."""

    def add_known(self, keys: Iterable[str]) -> None:
        """Take the subjects of a piece of the source."""
        self.everyone.update(keys)

    def add(self, cohort: Cohort) -> None:
        """Look for whom settings name in a piece of the source."""
        if not self.wanted:
            return
        for subject in cohort.subjects:
            for number in patient_ids(subject) & set(self.wanted):
                self.numbers.setdefault(number, set()).add(subject.key)
        for entry, folder in self.folders.items():
            self.below.setdefault(entry, set()).update(_owners_below(folder, cohort))

    def chosen(self, identities: Mapping[str, Identity]) -> frozenset[str]:
        """Keys of the selected subjects; all without a selection.

        An entry is a pseudonym, else a PatientID, else a folder of the source. Raises UsageError
        for one that means nobody.
        """
        if not self.wanted:
            return frozenset(self.everyone)

        pseudonyms = {identity.pseudonym: key for key, identity in identities.items()}
        chosen: set[str] = set()
        for number, entry in enumerate(self.wanted, 1):
            by_pseudonym = {pseudonyms[entry]} if entry in pseudonyms else set()
            keys = (
                by_pseudonym
                or self.numbers.get(entry, set())
                or self.below.get(entry, set()) & self.everyone
            )
            if not keys:
                raise UsageError(
                    f"entry {number} of --subjects names nobody in this source; "
                    "give a pseudonym, or @FILE with source folders or PatientIDs"
                )
            chosen |= keys
        return frozenset(chosen)


def selection_of(settings: PlanSettings) -> Selection:
    """The selection that settings ask for."""
    folders: dict[str, str] = {}
    for entry in settings.subjects:
        folder = Path(settings.source, entry.rstrip("/"))
        if folder != settings.source and folder.is_relative_to(settings.source):
            folders[entry] = str(folder.relative_to(settings.source))
    return Selection(tuple(settings.subjects), folders)


def patient_ids(subject: Subject) -> set[str]:
    """Every PatientID of a subject."""
    members = (
        member for study in subject.studies for series in study.series for member in series.members
    )
    return {member.instance.patient_id.strip() for member in members}


def _owners_below(folder: str, cohort: Cohort) -> set[str]:
    return {
        owner
        for path, owner in cohort.owners.items()
        if path == folder or path.startswith(f"{folder}/")
    }
