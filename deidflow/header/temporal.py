"""Dates and times: shifted by whole days, or put on the study clock, pairs moving together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from deidflow.dicom.elements import dictionary_vrs
from deidflow.header.context import HeaderContext
from deidflow.header.values import (
    clock_datetime,
    clock_time,
    format_date,
    format_time,
    is_placeholder,
    on_clock,
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
    if other not in raws or context.origin is None:
        return None
    is_date = dictionary_vrs()[tag] == b"DA"
    day, time = (raws[tag], raws[other]) if is_date else (raws[other], raws[tag])
    moved = _moved(day, time, context.origin)
    return None if moved is None else moved[0 if is_date else 1]


@lru_cache(maxsize=4096)
def _moved(day_raw: bytes, time_raw: bytes, origin: datetime) -> tuple[bytes, bytes] | None:
    """Date and time of one moment on the clock that starts at `origin`."""
    day, time = (raw.decode("ascii", "replace").strip("\0 ") for raw in (day_raw, time_raw))
    moment = to_datetime(day, time)
    if moment is None or not time:
        return None
    if is_placeholder(day):
        return day.encode("ascii"), b"000000"
    if not (moment.hour or moment.minute or moment.second or moment.microsecond):
        return None
    moved = on_clock(moment, origin)
    return format_date(moved).encode("ascii"), format_time(moved, time).encode("ascii")


def move_value(text: str, vr: str, mode: str, context: HeaderContext) -> str | None:
    """One DA, TM or DT value moved; None where it cannot be parsed."""
    if not text.strip():
        return ""
    if mode == "shift":
        return _shifted(text, vr, context.shift_days)
    if mode != "clock" or context.origin is None:
        return None
    if vr == "TM":
        return clock_time(text, context.origin)
    if vr == "DT":
        return clock_datetime(text, context.origin)
    if is_placeholder(text):
        return text.strip()
    moment = to_datetime(text, "")
    return (
        format_date(on_clock(moment, context.origin.replace(hour=0, minute=0, second=0, microsecond=0)))
        if moment
        else None
    )


def _shifted(text: str, vr: str, days: int) -> str | None:
    if vr == "TM":
        return text.strip() if parse_time(text) is not None else None
    return shift_date(text, days) if vr == "DA" else shift_datetime(text, days)
