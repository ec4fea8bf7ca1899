"""A PET sidecar holds factors and relative times, no time of day."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.nifti.pet import pet_fields
from tests.conftest import mr_instance


def pet(injected: str, **changes: Any) -> Dataset:
    dose = Dataset()
    dose.RadiopharmaceuticalStartTime, dose.RadionuclideTotalDose, dose.RadionuclideHalfLife = (
        injected,
        "4e8",
        "6586.2",
    )
    plain = {
        "Modality": "PT",
        "Units": "BQML",
        "DecayCorrection": "START",
        "SeriesTime": "110000",
        "PatientWeight": "70",
    }

    return mr_instance(
        RadiopharmaceuticalInformationSequence=Sequence([dose]), **{**plain, **changes}
    )


def test_the_factor_is_weight_over_the_decayed_dose() -> None:
    fields = pet_fields(pet("100000"))
    assert fields["SUVbwFactor"] == pytest.approx(70_000 / (4e8 * 0.5 ** (3600 / 6586.2)))
    assert (fields["TimeZero"], fields["ScanStart"], fields["InjectionStart"]) == (
        "00:00:00",
        0,
        -3600,
    )


def test_an_injection_before_midnight() -> None:
    assert pet_fields(pet("233000", SeriesTime="003000"))["InjectionStart"] == -3600


def test_decay_corrected_to_administration() -> None:
    assert pet_fields(pet("100000", DecayCorrection="ADMIN"))["SUVbwFactor"] == pytest.approx(
        70_000 / 4e8
    )


@pytest.mark.parametrize(
    "changes", [{"Units": "CNTS"}, {"PatientWeight": ""}, {"DecayCorrection": "NONE"}]
)
def test_without_what_it_needs_there_is_no_factor(changes: dict[str, str]) -> None:
    assert "SUVbwFactor" not in pet_fields(pet("100000", **changes))


def test_an_injection_given_in_another_zone() -> None:
    header = pet(
        "100000",
        SeriesTime="100000",
        SeriesDate="20220510",
        TimezoneOffsetFromUTC="+0100",
    )
    dose = header.RadiopharmaceuticalInformationSequence[0]
    dose.RadiopharmaceuticalStartDateTime = "20220510080000+0000"
    assert pet_fields(header)["InjectionStart"] == -3600
