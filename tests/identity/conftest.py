"""Studies and subjects in memory, from the bytes of made-up headers."""

from __future__ import annotations

from typing import Any

from deidflow.dicom.attributes import nested_identifiers, wanted_tags
from deidflow.dicom.grouping import Series, Study, Subject
from deidflow.dicom.instance import Instance, describe
from deidflow.dicom.persons import Member
from deidflow.dicom.structure import scan
from tests.synthetic import as_file, mr_instance

DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
TIMES = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime")
UNDATED = dict.fromkeys((*DATES, *TIMES), "")


def instance(**changes: Any) -> Instance:
    """What the inventory reads of a made-up MR image."""
    content = memoryview(as_file(mr_instance(**changes)))
    return describe(scan(content, wanted_tags(), nested=nested_identifiers()))


def series(*instances: Instance, incomplete: bool = False) -> Series:
    """A series of these instances, one file each."""
    members = [
        Member(f"folder/{number}.dcm", f"hash {number}", member)
        for number, member in enumerate(instances)
    ]
    return Series(instances[0].series_uid, tuple(members), incomplete)


def study(*all_series: Series) -> Study:
    """A study of these series."""
    return Study(all_series[0].first.study_uid, all_series)


def study_of(**changes: Any) -> Study:
    """A study of one instance."""
    return study(series(instance(**changes)))


def subject(*studies: Study, key: str = "id||PID-77120") -> Subject:
    """A subject with these studies, and the identifiers of all instances."""
    identifiers = dict.fromkeys(
        pair
        for one_study in studies
        for one_series in one_study.series
        for member in one_series.members
        for pair in member.instance.identifiers
    )
    return Subject(key, studies, tuple(identifiers), frozenset(("folder",)))
