"""Dates and times: shifted by whole days, or put on the study clock, pairs moving together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from functools import lru_cache

from deidflow.dicom.dictionary import dictionary_vrs
from deidflow.header.clock import StudyClock, clock_date, clock_datetime, clock_time
from deidflow.header.context import HeaderContext
from deidflow.header.values import (
    format_date,
    format_time,
    is_placeholder,
    parse_time,
    shift_date,
    shift_datetime,
    to_datetime,
)

_LIFETIME = timedelta(days=3653)
"""Ten years."""


@lru_cache(maxsize=1)
def partners() -> dict[int, int]:
    """Tag of a date -> tag of the time of the same moment, and the reverse, by name in PS3.6."""
    from pydicom._dicom_dict import DicomDictionary

    times: dict[str, int] = {}
    dates: dict[str, int] = {}
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if vr == "TM":
            times[keyword] = tag
        elif vr == "DA":
            dates[keyword] = tag

    pairs: dict[int, int] = {}
    for keyword, tag in dates.items():
        partner = times.get(keyword.replace("Date", "Time"))
        if partner is not None:
            pairs[tag] = partner
            pairs[partner] = tag
    return pairs


def moved_pair(tag: int, raws: Mapping[int, bytes], context: HeaderContext) -> bytes | None:
    """Date or time on the study clock, moved with its partner; None if it has no partner.

    `raws` are the values of the data set by tag.
    """
    partner = partners()[tag]
    if partner not in raws or context.clock is None:
        return None

    clock = context.clock.in_zone(context.zone)
    if dictionary_vrs()[tag] == b"DA":
        moved = _moved(raws[tag], raws[partner], clock)
        return None if moved is None else moved[0]
    moved = _moved(raws[partner], raws[tag], clock)
    return None if moved is None else moved[1]


@lru_cache(maxsize=4096)
def _moved(date_raw: bytes, time_raw: bytes, clock: StudyClock) -> tuple[bytes, bytes] | None:
    """Date and time of one moment on the clock; None if it is unknown or not of the study."""
    date_text, time_text = _text(date_raw), _text(time_raw)
    moment = to_datetime(date_text, time_text)
    if moment is None or not time_text or not clock.timed:
        return None
    if is_placeholder(date_text) or not clock.is_near(moment) or _is_midnight(moment):
        return None

    moved = clock.moved(moment)
    moved_date = format_date(moved)
    moved_time = format_time(moved, time_text)
    return moved_date.encode("ascii"), moved_time.encode("ascii")


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace").strip("\0 ")


def _is_midnight(moment: datetime) -> bool:
    """Whether the time of day is 0, which usually means that it is not known."""
    return moment.time() == time()


def move_value(text: str, vr: str, mode: str, context: HeaderContext) -> str | None:
    """One DA, TM or DT value moved; None if it cannot be parsed or its distance is not known.

    `mode` is that of the profile's dates: `shift` or `clock`; all others move nothing.
    """
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
        is_time = parse_time(text) is not None
        return text.strip() if is_time else None
    if _is_far(text, context):
        return None
    if vr == "DA":
        return shift_date(text, context.shift_days)
    return shift_datetime(
        text,
        context.shift_days,
        context.zone,
    )


def _is_far(text: str, context: HeaderContext) -> bool:
    """Whether a date is so far from the study that it is made up.

    Such a date would reveal the secret number of days if it were shifted.
    """
    digits = text.strip().replace(".", "")[:8]
    day = to_datetime(digits, "")
    if day is None or context.clock is None or is_placeholder(digits):
        return False
    return abs(day - context.clock.origin) > _LIFETIME
