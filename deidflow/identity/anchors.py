"""When a study was: the date that labels it, and the moment that its clock starts from.

A placeholder (1900-01-01, 1970-01-01 ..) or a missing time is never an anchor: dates and times that are moved
by a known constant are not hidden.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone

from deidflow.dicom.grouping import Study
from deidflow.dicom.instance import Instance
from deidflow.header.values import (
    is_placeholder,
    parse_date,
    parse_time,
    parse_zone,
    split_datetime,
    to_datetime,
)

_NO_DATE = date(1900, 1, 1)
_LONGEST_STUDY = timedelta(days=31)
"""A study date further than this from every series, acquisition and content date is made up."""


def study_date(study: Study) -> date | None:
    """The date of a study: StudyDate, else the earliest of series, acquisition and content date."""
    instances = _instances(study)
    for texts in (
        [instance.study_date for instance in instances],
        [text for instance in instances for text, _ in _later(instance)],
    ):
        days = [day for text in texts if (day := real_date(text))]
        if days:
            return min(days)
    return None


def real_date(text: str) -> date | None:
    """A DA value as a date; None for a placeholder or what is not a date."""
    return None if is_placeholder(text) else parse_date(text)


def study_origin(study: Study) -> str:
    """What 1900-01-01 00:00:00 stands for on the study clock, as ISO text.

    The most frequent study date and time; where one of them is missing or a placeholder, the earliest series,
    acquisition or content time. A date without `T` where no time of day is known; empty without any date and
    time. With an offset from UTC where the instances say theirs.
    """
    instances = _instances(study)
    starts = Counter(filter(None, map(_study_start, instances)))
    if starts:
        return min(starts, key=lambda moment: (-starts[moment], moment.isoformat())).isoformat()
    moments = [moment for instance in instances for moment in _moments(instance)]
    if moments:
        return min(moments, key=_in_utc).isoformat()
    day = study_date(study)
    return day.isoformat() if day else ""


def _instances(study: Study) -> list[Instance]:
    return [member.instance for series in study.series for member in series.members]


def _study_start(instance: Instance) -> datetime | None:
    """Study date and time, if both are real and the date is one on which the instance can have been made."""
    day = real_date(instance.study_date)
    if day is None or not has_time(instance.study_time):
        return None
    others = [other for text, _ in _later(instance) if (other := real_date(text))]
    if others and min(abs(other - day) for other in others) > _LONGEST_STUDY:
        return None
    return _zoned(to_datetime(instance.study_date, instance.study_time), instance)


def has_time(text: str) -> bool:
    """Whether a TM value is a time of day; midnight sharp stands for none."""
    return bool(parse_time(text))


def _later(instance: Instance) -> tuple[tuple[str, str], ...]:
    """Date and time of series, acquisition and content."""
    return (
        (instance.series_date, instance.series_time),
        (instance.acquisition_date, instance.acquisition_time),
        (instance.content_date, instance.content_time),
        split_datetime(instance.acquisition_datetime),
    )


def _moments(instance: Instance) -> Iterator[datetime]:
    """Every real moment of an instance; a time without a date of its own is of the day of the study."""
    days = [day for text, _ in _later(instance) if (day := real_date(text))]
    fallback = min(days, default=real_date(instance.study_date) or _NO_DATE)
    pairs = [*_later(instance), ("" if days else instance.study_date, instance.study_time)]
    for text, time in pairs:
        since_midnight = parse_time(time)
        if since_midnight:
            day = real_date(text) or fallback
            moment = datetime(day.year, day.month, day.day) + since_midnight
            yield _zoned(moment, instance) or moment


def _zoned(moment: datetime | None, instance: Instance) -> datetime | None:
    zone = parse_zone(instance.timezone)
    if moment is None or zone is None:
        return moment
    return moment.replace(tzinfo=timezone(zone))


def _in_utc(moment: datetime) -> datetime:
    offset = moment.utcoffset() or timedelta()
    return moment.replace(tzinfo=None) - offset
