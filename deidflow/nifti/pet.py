"""What a PET sidecar needs of values that are binned or moved: factors and relative times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from deidflow.header.values import local_datetime, parse_zone, to_datetime
from deidflow.nifti.sidecar import Sidecar

_DAY = timedelta(days=1)
_GRAMS_PER_KG = 1000


def pet_fields(header: Any) -> Sidecar:
    """Fields of a PET sidecar by the header of an instance (BIDS), without a time of day.

    TimeZero, ScanStart and InjectionStart in seconds, and the factor from Bq/ml to SUV by body
    weight: grams over the dose at the reference of the decay correction (PS3.3 C.8.9.1). The factor
    is left out where units, weight, dose or times do not allow it.
    """
    fields: Sidecar = {"TimeZero": "00:00:00", "ScanStart": 0}
    doses = header.get("RadiopharmaceuticalInformationSequence")
    scan = _scan_start(header)
    if not doses or scan is None:
        return fields

    dose = doses[0]
    zone = parse_zone(_text(header, "TimezoneOffsetFromUTC"))
    injection = _injection(dose, scan, zone)
    elapsed = None
    if injection is not None:
        elapsed = (scan - injection).total_seconds()
        fields["InjectionStart"] = -elapsed

    factor = _suv_factor(header, dose, elapsed)
    if factor is not None:
        fields["SUVbwFactor"] = factor
    return fields


def _text(source: Any, name: str) -> str:
    """A value as text; empty if there is none."""
    return str(source.get(name) or "")


def _scan_start(header: Any) -> datetime | None:
    """When the series started, in local time."""
    day = _text(header, "SeriesDate")
    time = _text(header, "SeriesTime")
    return to_datetime(day, time)


def _injection(dose: Any, scan: datetime, zone: timedelta | None) -> datetime | None:
    """When a dose was given, in the local time of the scan."""
    moment = _text(dose, "RadiopharmaceuticalStartDateTime")
    if moment:
        return local_datetime(moment, zone)

    time = _text(dose, "RadiopharmaceuticalStartTime")
    if not time:
        return None
    injection = to_datetime(scan.strftime("%Y%m%d"), time)
    if injection is not None and injection > scan:
        return injection - _DAY
    return injection


def _suv_factor(header: Any, dose: Any, elapsed: float | None) -> float | None:
    """Grams over Bq; `elapsed` are the seconds from injection to scan, None if not known."""
    try:
        grams = _GRAMS_PER_KG * _number(header, "PatientWeight")
        becquerels = _number(dose, "RadionuclideTotalDose")
        half_life = _number(dose, "RadionuclideHalfLife")
    except (TypeError, ValueError):
        return None
    if header.get("Units") != "BQML" or min(grams, becquerels, half_life) <= 0:
        return None

    reference = _text(header, "DecayCorrection")
    if reference == "ADMIN":
        return grams / becquerels
    if reference != "START" or elapsed is None:
        return None
    decayed = becquerels * 2 ** (-elapsed / half_life)
    return float(grams / decayed)


def _number(source: Any, name: str) -> float:
    """A numeric value; 0 if there is none; raises TypeError or ValueError for what is not one."""
    return float(source.get(name) or 0)
