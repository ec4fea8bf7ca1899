"""What a PET sidecar needs of values that are binned or moved in the header: factors and relative times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from deidflow.header.values import local_datetime, parse_zone, to_datetime

_DAY = timedelta(days=1)


def pet_fields(header: Any) -> dict[str, Any]:
    """TimeZero, ScanStart, InjectionStart (s, BIDS) and the factor from Bq/ml to SUV by body weight.

    The factor is weight in grams over the dose at the reference of the decay correction (PS3.3 C.8.9.1);
    it is left out where units, weight, dose or times do not allow it. No time of day is kept.
    """
    administered = (header.get("RadiopharmaceuticalInformationSequence") or [None])[0]
    scan = to_datetime(str(header.get("SeriesDate") or ""), str(header.get("SeriesTime") or ""))
    fields: dict[str, Any] = {"TimeZero": "00:00:00", "ScanStart": 0}
    if administered is None or scan is None:
        return fields
    injection = _injection(
        administered, scan, parse_zone(str(header.get("TimezoneOffsetFromUTC") or ""))
    )
    if injection is not None:
        fields["InjectionStart"] = -(scan - injection).total_seconds()
    factor = _suv_factor(header, administered, scan, injection)
    return fields if factor is None else fields | {"SUVbwFactor": factor}


def _injection(administered: Any, scan: datetime, zone: timedelta | None) -> datetime | None:
    """When the dose was given, in the local time of the scan."""
    moment = str(administered.get("RadiopharmaceuticalStartDateTime") or "")
    if moment:
        return local_datetime(moment, zone)
    time = str(administered.get("RadiopharmaceuticalStartTime") or "")
    found = to_datetime(scan.strftime("%Y%m%d"), time) if time else None
    return found - _DAY if found is not None and found > scan else found


def _suv_factor(
    header: Any, administered: Any, scan: datetime, injection: datetime | None
) -> float | None:
    reference = str(header.get("DecayCorrection") or "")
    try:
        grams = 1000 * float(header.get("PatientWeight") or 0)
        dose, half_life = (
            float(administered.get(k) or 0)
            for k in ("RadionuclideTotalDose", "RadionuclideHalfLife")
        )
    except (TypeError, ValueError):
        return None
    if (
        header.get("Units") != "BQML"
        or min(grams, dose, half_life) <= 0
        or reference not in ("START", "ADMIN")
    ):
        return None
    if reference == "ADMIN":
        return grams / dose
    if injection is None:
        return None
    return float(grams / (dose * 2 ** (-(scan - injection).total_seconds() / half_life)))
