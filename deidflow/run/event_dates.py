"""Dates from which days are counted, of attributes that the inventory does not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from deidflow.dicom.dictionary import tags_of
from deidflow.dicom.file_values import values_in
from deidflow.dicom.grouping import Series, Subject
from deidflow.identity.orders import is_read_anyway


def event_dates(
    subjects: Iterable[Subject], since: str, source: Path, places: Mapping[str, Path]
) -> dict[str, str]:
    """Path of the first file of each series -> its value of the attribute `since`, if it has one.

    Empty for what is known without reading. A file that is not there any more has none.
    """
    if is_read_anyway(since):
        return {}
    [tag] = tags_of([since])
    dates = {}
    for series in _series_of(subjects):
        path = series.members[0].path
        text = _value(places.get(path, source / path), tag)
        if text:
            dates[path] = text
    return dates


def _series_of(subjects: Iterable[Subject]) -> Iterator[Series]:
    for subject in subjects:
        for study in subject.studies:
            yield from study.series


def _value(path: Path, tag: int) -> str:
    """The value of a date or moment in a header; empty where it has none or cannot be read."""
    raw = values_in(path, {tag}).get(tag, b"")
    return raw.decode("ascii", "replace").strip(" \0")
