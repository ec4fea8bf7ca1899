"""When a study was: the date that labels it, and the moment from which its clock starts.

A placeholder (1900-01-01, 1970-01-01 ..) or a missing time is never an anchor: dates and times
that are moved by a known constant are not hidden.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

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
"""A study date further than this from every other date of the instance is made up."""


def study_date(study: Study) -> date | None:
    """The date of a study: StudyDate, else the earliest of series, acquisition and content date."""
    instances = _instances(study)
    study_dates = [instance.study_date for instance in instances]
    days = real_dates(study_dates)
    if not days:
        later_dates = [text for instance in instances for text in _later_dates(instance)]
        days = real_dates(later_dates)
    return min(days, default=None)


def real_dates(texts: Iterable[str]) -> list[date]:
    """The DA values that are dates, as dates."""
    days = map(real_date, texts)
    return [day for day in days if day is not None]


@lru_cache(maxsize=1_000)
def real_date(text: str) -> date | None:
    """A DA value as a date; None for a placeholder or what is not a date."""
    if is_placeholder(text):
        return None
    return parse_date(text)


def study_origin(study: Study) -> str:
    """What 1900-01-01 00:00:00 stands for on the study clock, as ISO text.

    The most frequent study date and time. Where one of them is missing or a placeholder, the
    earliest series, acquisition or content time. A date without `T` where no time of day is known;
    empty without any date and time. With an offset from UTC where the instances give theirs.
    """
    instances = _instances(study)
    starts = Counter(filter(None, map(_study_start, instances)))
    if starts:
        most_frequent = _most_frequent(starts)
        return most_frequent.isoformat()

    moments = [moment for instance in instances for moment in _moments(instance)]
    if moments:
        earliest = min(moments, key=_in_utc)
        return earliest.isoformat()

    day = study_date(study)
    if day is None:
        return ""
    return day.isoformat()


def _most_frequent(starts: Counter[datetime]) -> datetime:
    """The most frequent moment; of several, the first in ISO order."""
    highest = max(starts.values())
    candidates = [moment for moment, count in starts.items() if count == highest]
    return min(candidates, key=datetime.isoformat)


def _instances(study: Study) -> list[Instance]:
    return [member.instance for series in study.series for member in series.members]


def _study_start(instance: Instance) -> datetime | None:
    """Study date and time, if both are real and the instance can have been made on that date."""
    start = _start_on(
        instance.study_date,
        instance.study_time,
        tuple(_later_dates(instance)),
    )
    return _zoned(start, instance) if start else None


@lru_cache(maxsize=1_000)
def _start_on(date_text: str, time_text: str, later_dates: tuple[str, ...]) -> datetime | None:
    """The same for the texts that most instances of a study have in common."""
    day = real_date(date_text)
    if day is None or not has_time(time_text):
        return None

    other_days = real_dates(later_dates)
    distances = [abs(other - day) for other in other_days]
    if min(distances, default=timedelta()) > _LONGEST_STUDY:
        return None
    return to_datetime(date_text, time_text)


def has_time(text: str) -> bool:
    """Whether a TM value is a time of day; exactly midnight stands for none."""
    since_midnight = parse_time(text)
    return bool(since_midnight)


def _later(instance: Instance) -> tuple[tuple[str, str], ...]:
    """Date and time of series, acquisition and content."""
    return (
        (instance.series_date, instance.series_time),
        (instance.acquisition_date, instance.acquisition_time),
        (instance.content_date, instance.content_time),
        split_datetime(instance.acquisition_datetime),
    )


def _later_dates(instance: Instance) -> list[str]:
    return [text for text, _ in _later(instance)]


def _moments(instance: Instance) -> Iterator[datetime]:
    """Every real moment of an instance.

    A time without a date of its own is of the day of the study.
    """
    days = real_dates(_later_dates(instance))
    study_day = real_date(instance.study_date)
    fallback = min(days, default=study_day or _NO_DATE)
    study_text = "" if days else instance.study_date

    pairs = (
        *_later(instance),
        (study_text, instance.study_time),
    )
    for text, time in pairs:
        since_midnight = parse_time(time)
        if since_midnight:
            day = real_date(text) or fallback
            midnight = datetime(day.year, day.month, day.day)
            moment = midnight + since_midnight
            yield _zoned(moment, instance)


def _zoned(moment: datetime, instance: Instance) -> datetime:
    """The moment with the instance's offset from UTC, if it gives one."""
    offset = parse_zone(instance.timezone)
    if offset is None:
        return moment
    return moment.replace(tzinfo=timezone(offset))


def _in_utc(moment: datetime) -> datetime:
    offset = moment.utcoffset() or timedelta()
    local = moment.replace(tzinfo=None)
    return local - offset
