"""Dates and times: shifted by whole days, or put on the study clock, pairs moving together."""

from __future__ import annotations

from pydicom.dataset import Dataset

from deidflow.header.context import HeaderContext
from deidflow.header.rules import Rules
from deidflow.header.values import (
    clock_datetime,
    clock_time,
    format_date,
    format_time,
    on_clock,
    parse_time,
    shift_date,
    shift_datetime,
    to_datetime,
)

_PAIRS = (
    (0x00080020, 0x00080030),
    (0x00080021, 0x00080031),
    (0x00080022, 0x00080032),
    (0x00080023, 0x00080033),
    (0x00080012, 0x00080013),
)
"""Study, series, acquisition, content and creation: date and time of one moment."""


def move_value(text: str, vr: str, mode: str, context: HeaderContext) -> str | None:
    """One DA, TM or DT value moved; None where it cannot be parsed."""
    if not text.strip():
        return ""
    if mode == "shift":
        return _shifted(text, vr, context.shift_days)
    if context.origin is None:
        return None
    if vr == "TM":
        return clock_time(text, context.origin)
    if vr == "DT":
        return clock_datetime(text, context.origin)
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


def move_pairs(source: Dataset, target: Dataset, rules: Rules, context: HeaderContext) -> None:
    """On the study clock, write date and time of one moment together, midnight carried."""
    if rules.dates != "clock" or context.origin is None:
        return
    for date_tag, time_tag in _PAIRS:
        if date_tag not in target or time_tag not in target:
            continue
        time = str(source[time_tag].value or "")
        moment = to_datetime(str(source[date_tag].value or ""), time)
        if moment is not None:
            moved = on_clock(moment, context.origin)
            target[date_tag].value = format_date(moved)
            target[time_tag].value = format_time(moved, time) if time.strip() else ""
