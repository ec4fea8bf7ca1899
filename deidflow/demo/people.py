"""The demo's made-up patients and their visits; every value is a planted identifier."""

from __future__ import annotations

from dataclasses import dataclass

_ROOT = "1.2.826.0.1.3680043.8.498."
"""The UID root of pydicom, for UIDs that nobody registers."""
_UID_RANGE = 10**9


@dataclass(frozen=True)
class MadeUpPerson:
    """A made-up patient."""

    name: str
    patient_id: str
    birth_date: str
    physician: str
    institution: str

    @property
    def planted(self) -> tuple[str, ...]:
        """What must not be found in any byte of the release."""
        names = f"{self.name}^{self.physician}"
        parts = names.split("^")
        return (*parts, self.patient_id, self.institution)


@dataclass(frozen=True)
class Visit:
    """A study of a person."""

    person: MadeUpPerson
    number: int
    date: str

    def uid(self, *numbers: int) -> str:
        """A UID of this study."""
        digits = 0
        for place, letter in enumerate(self.person.patient_id):
            digits += ord(letter) * 31**place

        parts = (digits % _UID_RANGE, self.number, *numbers)
        return _ROOT + ".".join(map(str, parts))


PEOPLE = (
    MadeUpPerson(
        name="PLANTEDMUELLER^Gerlinde",
        patient_id="PLNT-880017",
        birth_date="19610412",
        physician="DOKTORPLANT^Ottilie",
        institution="PLANTED Hospital Eins",
    ),
    MadeUpPerson(
        name="PLANTEDNOWAK^Zbigniew",
        patient_id="PLNT-880042",
        birth_date="19740923",
        physician="DOKTORPLANT^Ottilie",
        institution="PLANTED Hospital Eins",
    ),
    MadeUpPerson(
        name="PLANTEDTANAKA^Mitsuko",
        patient_id="PLNT-880063",
        birth_date="19880105",
        physician="ARZTPLANT^Wendelin",
        institution="PLANTED Clinic Zwei",
    ),
)
