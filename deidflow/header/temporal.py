"""Dates and times: shifted by whole days, or put on the study clock, pairs moving together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache

from deidflow.dicom.dictionary import dictionary_vrs
from deidflow.header.clock import StudyClock
from deidflow.header.context import HeaderContext
from deidflow.header.values import (
    clock_date,
    clock_datetime,
    clock_time,
    format_date,
    format_time,
    is_placeholder,
    parse_time,
    shift_date,
    shift_datetime,
    to_datetime,
)


@lru_cache(maxsize=1)
def partners() -> dict[int, int]:
    """Tag of a date -> tag of the time of the same moment, and the reverse, by their names in PS3.6."""
    from pydicom._dicom_dict import DicomDictionary

    by_keyword = {entry[4]: (tag, entry[0]) for tag, entry in DicomDictionary.items()}
    found: dict[int, int] = {}
    for keyword, (tag, vr) in by_keyword.items():
        other, other_vr = by_keyword.get(keyword.replace("Date", "Time"), (0, ""))
        if vr == "DA" and other_vr == "TM":
            found[tag], found[other] = other, tag
    return found


def moved_pair(tag: int, raws: Mapping[int, bytes], context: HeaderContext) -> bytes | None:
    """Date or time on the study clock with its partner, midnight carried; None where there is no partner."""
    other = partners()[tag]
    if other not in raws or context.clock is None:
        return None
    is_date = dictionary_vrs()[tag] == b"DA"
    day, time = (raws[tag], raws[other]) if is_date else (raws[other], raws[tag])
    moved = _moved(day, time, context.clock.in_zone(context.zone))
    return None if moved is None else moved[0 if is_date else 1]


@lru_cache(maxsize=4096)
def _moved(day_raw: bytes, time_raw: bytes, clock: StudyClock) -> tuple[bytes, bytes] | None:
    """Date and time of one moment on the clock."""
    day, time = (raw.decode("ascii", "replace").strip("\0 ") for raw in (day_raw, time_raw))
    moment = to_datetime(day, time)
    if moment is None or not time or not clock.timed:
        return None
    if is_placeholder(day) or not clock.is_near(moment):
        return None
    if not (moment.hour or moment.minute or moment.second or moment.microsecond):
        return None
    moved = clock.moved(moment)
    return format_date(moved).encode("ascii"), format_time(moved, time).encode("ascii")


def move_value(text: str, vr: str, mode: str, context: HeaderContext) -> str | None:
    """One DA, TM or DT value moved; None where it cannot be parsed, or its distance is not known."""
    if not text.strip():
        return ""
    if mode == "shift":
        return _shifted(text, vr, context)
    if mode != "clock" or context.clock is None:
        return None
    clock = context.clock.in_zone(context.zone)
    if vr == "TM":
        return clock_time(text, clock)
    if vr == "DT":
        return clock_datetime(text, clock, context.zone)
    return clock_date(text, clock)


def _shifted(text: str, vr: str, context: HeaderContext) -> str | None:
    if vr == "TM":
        return text.strip() if parse_time(text) is not None else None
    if _is_far(text, context):
        return None
    if vr == "DA":
        return shift_date(text, context.shift_days)
    return shift_datetime(text, context.shift_days, context.zone)


_LIFETIME = timedelta(days=3653)


def _is_far(text: str, context: HeaderContext) -> bool:
    """Whether a date is so far from the study that it is made up: shifted, it would give the secret number away."""
    digits = text.strip().replace(".", "")[:8]
    day = to_datetime(digits, "")
    if day is None or context.clock is None or is_placeholder(digits):
        return False
    return abs(day - context.clock.origin) > _LIFETIME
