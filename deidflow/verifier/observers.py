"""Observers of instances: each looks at one, and says at the end what only all of them show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from deidflow.verifier.findings import Check, Finding, Mark
from deidflow.verifier.instance import Instance
from deidflow.verifier.markers import Markers
from deidflow.verifier.masks import MaskImage, Plane
from deidflow.verifier.tree import Entry

_SOP_INSTANCE, _STUDY, _SERIES = 0x00080018, 0x0020000D, 0x0020000E
_PATIENT_ID, _SEX = 0x00100020, 0x00100040
_OWNED = {"StudyInstanceUID": _STUDY, "SeriesInstanceUID": _SERIES}
"""What belongs to one patient."""


@dataclass(frozen=True)
class Seen:
    """One instance of a release as it was read."""

    entry: Entry
    shown: str
    """Its path as reports write it."""
    instance: Instance
    markers: Markers
    masks: tuple[MaskImage, ...] = ()
    """Masks of its series, where it lies in a release of ours."""

    @cached_property
    def plane(self) -> Plane | None:
        """Its pixels and where they are; None for what is not one native grey image."""
        return Plane.of(self.shown, self.instance)


class Observer(Protocol):
    """Looks at each instance, then says what all of them show."""

    def look(self, seen: Seen) -> Iterator[Mark]:
        """Marks of one instance."""

    def end(self) -> Iterator[Finding]:
        """Findings that several files make together."""


@dataclass
class Consistency:
    """Instances that are there twice, and studies or series of two patients."""

    _instances: dict[str, str] = field(default_factory=dict)
    _owners: dict[tuple[str, str], str] = field(default_factory=dict)
    _sexes: dict[str, str] = field(default_factory=dict)

    def look(self, seen: Seen) -> Iterator[Mark]:
        """Marks of one instance."""
        instance = seen.instance
        patient = instance.text(_PATIENT_ID)
        uid = instance.text(_SOP_INSTANCE)
        first = self._instances.setdefault(uid, seen.shown)
        if uid and first != seen.shown:
            yield Mark(
                Check.UID,
                "SOPInstanceUID",
                "is that of another file",
            )

        for name, tag in _OWNED.items():
            uid = instance.text(tag)
            owner = self._owners.setdefault((name, uid), patient)
            if uid and owner != patient:
                yield Mark(
                    Check.PATIENT,
                    name,
                    "is shared by two patients",
                )

        sex = instance.text(_SEX)
        if patient and sex:
            known = self._sexes.setdefault(patient, sex)
            if known != sex:
                yield Mark(
                    Check.PATIENT,
                    "PatientSex",
                    "differs from other files of the patient",
                )

    def end(self) -> Iterator[Finding]:
        """Nothing is left for the end."""
        return iter(())
