"""The person behind a pseudonym, as a vault remembers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deidflow.dicom.demographics import Demographics


@dataclass(frozen=True)
class Original:
    """The person behind a pseudonym."""

    pseudonym: str
    shift_days: int
    values: dict[str, str]
    sessions: tuple[tuple[str, str], ...]
    """Label and date."""

    @property
    def demographics(self) -> Demographics:
        """What headers said of the patient at first."""
        return sealed_demographics(self.values)


def sealed_demographics(original: Mapping[str, str]) -> Demographics:
    """What headers said of a patient, from the original values."""
    return Demographics(
        patient_id=original.get("patient_id", ""),
        issuer=original.get("issuer", ""),
        name=original.get("patient_name", ""),
        birth_date=original.get("birth_date", ""),
        sex=original.get("patient_sex", ""),
    )
