"""Moments of an instance: dates with their times, which move together on a study clock."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from deidflow.verifier.instance import Instance, name_of
from deidflow.verifier.values import day_of, values_of

_PAIRS = {
    "StudyDate": (0x00080020, 0x00080030),
    "SeriesDate": (0x00080021, 0x00080031),
    "AcquisitionDate": (0x00080022, 0x00080032),
    "ContentDate": (0x00080023, 0x00080033),
}
_BIRTH_DATE = 0x00100030
_DATETIME = 0x0008002A
_TIME = re.compile(r"(\d{2})(\d{2})(\d{2})(\.\d{1,6})?")
_OFFSET = re.compile(r"[+-]\d{4}$")


def moments_of(instance: Instance) -> dict[str, datetime]:
    """Moments with a date and a time, by the attribute of the date; without those of a zone."""
    moments = {}
    for name, (date_tag, time_tag) in _PAIRS.items():
        moment = _moment(
            instance.text(date_tag),
            instance.text(time_tag),
        )
        if moment is not None:
            moments[name] = moment
    text = instance.text(_DATETIME)
    moment = None if _OFFSET.search(text) else _moment(text[:8], text[8:])
    if moment is not None:
        moments["AcquisitionDateTime"] = moment
    return moments


def _moment(day_text: str, time_text: str) -> datetime | None:
    day = _any_day(day_text)
    match = _TIME.match(time_text)
    if day is None or match is None:
        return None
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3])
    fraction = float(match[4] or 0)
    return day + timedelta(
        hours=hours,
        minutes=minutes,
        seconds=seconds + fraction,
    )


def _any_day(text: str) -> datetime | None:
    """A day, the first one of the study clock too, which is a placeholder elsewhere."""
    if text == "19000101":
        return datetime(
            1900,
            1,
            1,
        )

    day = day_of(text)

    return (
        None
        if day is None
        else datetime(
            day.year,
            day.month,
            day.day,
        )
    )


def days_by_name(instance: Instance) -> dict[str, list[date]]:
    """Days, in order, by attribute; without placeholders and birth dates."""
    days: dict[str, list[date]] = {}
    for element in instance.elements:
        if element.vr in (b"DA", b"DT") and element.tag != _BIRTH_DATE:
            read = [day for day in map(day_of, values_of(element)) if day is not None]
            days.setdefault(name_of(element), []).extend(read)
    return days
