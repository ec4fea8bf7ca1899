"""A PET sidecar holds factors and relative times, no time of day."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.nifti.pet import pet_fields
from tests.synthetic import mr_instance


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


def test_a_dose_without_a_time_has_no_injection() -> None:
    fields = pet_fields(pet(""))

    assert "InjectionStart" not in fields
    assert "SUVbwFactor" not in fields


def test_corrected_to_administration_no_time_is_needed() -> None:
    assert "SUVbwFactor" in pet_fields(pet("", DecayCorrection="ADMIN"))


@pytest.mark.parametrize("missing", ["SeriesTime", "RadiopharmaceuticalInformationSequence"])
def test_without_scan_or_dose_only_the_zero_of_time_is_told(missing: str) -> None:
    header = pet("100000")
    delattr(header, missing)
    header.SeriesDate = "" if missing == "SeriesTime" else header.SeriesDate
    assert pet_fields(header) == {"TimeZero": "00:00:00", "ScanStart": 0}


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("RadionuclideTotalDose", "0"),
        ("RadionuclideHalfLife", None),
        ("RadionuclideTotalDose", "-4e8"),
    ],
)
def test_a_dose_that_cannot_be_one_gives_no_factor(keyword: str, value: str | None) -> None:
    header = pet("100000")
    setattr(
        header.RadiopharmaceuticalInformationSequence[0],
        keyword,
        value,
    )
    assert "SUVbwFactor" not in pet_fields(header)
