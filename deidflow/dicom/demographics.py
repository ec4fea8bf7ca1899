"""What headers say of a patient, and whether two of them can mean one person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from deidflow.dicom.instance import Instance
from deidflow.dicom.person_names import is_generic, same_name
from deidflow.dicom.written_dates import days_meant
from deidflow.resources import placeholder_dates

_SEXES = frozenset(("M", "F"))


class Demographics(NamedTuple):
    """What a header says of the patient, as written there."""

    patient_id: str
    issuer: str
    name: str
    birth_date: str
    sex: str

    @classmethod
    def of(cls, instance: Instance) -> Demographics:
        """Those of an instance."""
        return cls(
            patient_id=instance.patient_id.strip(),
            issuer=instance.issuer.strip(),
            name=instance.patient_name.strip(),
            birth_date=instance.birth_date.strip(),
            sex=instance.patient_sex.strip().upper(),
        )

    def contradicts(self, other: Demographics) -> bool:
        """Whether these are two persons: another name, and another birth date or sex.

        A missing value is equal to any.
        """
        differ_in_sex = _differ(self._sexes, other._sexes)
        if not differ_in_sex and not self.differs_in_birth(other):
            return False
        return not same_name(self.name, other.name)

    def agrees(self, other: Demographics) -> bool:
        """Whether the names say that this is one person, and the birth dates do not deny it."""
        if is_generic(self.name) or is_generic(other.name):
            return False
        if self.differs_in_birth(other):
            return False
        return same_name(self.name, other.name)

    def differs_in_birth(self, other: Demographics) -> bool:
        """Whether both know a birth date, and no day that both can mean."""
        return _differ(self.birth_days, other.birth_days)

    @property
    def birth_days(self) -> frozenset[date]:
        """Every day that the birth date can mean."""
        days: set[date] = set()
        for day in days_meant(self.birth_date):
            written = f"{day.year:04d}{day:%m%d}"
            if written not in placeholder_dates():
                days.add(day)
        return frozenset(days)

    @property
    def _sexes(self) -> frozenset[str]:
        return _SEXES & {self.sex}


def _differ(ours: frozenset[object], theirs: frozenset[object]) -> bool:
    if not ours or not theirs:
        return False
    return ours.isdisjoint(theirs)


Known = Callable[[str], Demographics | None]
"""Subject key -> what the vault knows of the subject."""


def nobody(key: str) -> Demographics | None:  # noqa: ARG001 - one of several lookups
    """The knowledge of an empty vault."""
    return None
