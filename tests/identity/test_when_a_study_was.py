"""The date that labels a study and the origin of its clock; placeholders are neither."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from deidflow.identity.anchors import has_time, real_date, real_dates, study_date, study_origin
from tests.identity.conftest import UNDATED, instance, series, study, study_of


def undated(**changes: Any) -> dict[str, Any]:
    """Changes that leave nothing but these dates and times."""
    return UNDATED | changes


def test_a_study_is_labelled_by_its_study_date() -> None:
    assert study_date(study_of()) == date(2022, 5, 10)


def test_of_several_study_dates_the_earliest_counts() -> None:
    two = study(
        series(instance(StudyDate="20220512")),
        series(instance(StudyDate="20220509")),
    )
    assert study_date(two) == date(2022, 5, 9)


@pytest.mark.parametrize("placeholder", ["", "19000101", "19700101", "nonsense"])
def test_a_placeholder_gives_way_to_the_earliest_other_date(placeholder: str) -> None:
    dated = study_of(
        StudyDate=placeholder,
        SeriesDate="20220512",
        AcquisitionDate="20220511",
        ContentDate="19000101",
    )
    assert study_date(dated) == date(2022, 5, 11)


def test_a_date_within_acquisition_date_time_counts() -> None:
    dated = study_of(**undated(AcquisitionDateTime="20220510235900.5+0200"))
    assert study_date(dated) == date(2022, 5, 10)


def test_a_study_without_any_date_has_none() -> None:
    assert study_date(study_of(**UNDATED)) is None
    assert study_origin(study_of(**UNDATED)) == ""


def test_real_dates_are_those_that_are_no_placeholders() -> None:
    assert real_date("20220510") == date(2022, 5, 10)
    assert real_date("19000101") is None
    assert real_date("20221340") is None
    assert real_dates(["", "20220510", "19700101"]) == [date(2022, 5, 10)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("235000", True), ("000001", True), ("000000", False), ("", False), ("nonsense", False)],
)
def test_midnight_sharp_is_no_time(text: str, expected: bool) -> None:
    assert has_time(text) is expected


def test_the_clock_starts_at_study_date_and_time() -> None:
    assert study_origin(study_of()) == "2022-05-10T23:50:00"


def test_the_most_frequent_start_is_the_origin() -> None:
    instances = [
        instance(StudyTime="100000"),
        instance(StudyTime="110000"),
        instance(StudyTime="110000"),
    ]
    assert study_origin(study(series(*instances))) == "2022-05-10T11:00:00"


def test_of_equally_frequent_starts_the_first_is_the_origin() -> None:
    instances = [instance(StudyTime="110000"), instance(StudyTime="100000")]
    assert study_origin(study(series(*instances))) == "2022-05-10T10:00:00"


@pytest.mark.parametrize("time", ["", "000000"])
def test_without_a_study_time_the_earliest_other_moment_is_the_origin(time: str) -> None:
    assert study_origin(study_of(StudyTime=time)) == "2022-05-10T23:55:00"


def test_a_study_date_far_from_every_other_date_is_made_up() -> None:
    assert study_origin(study_of(StudyDate="20200101")) == "2022-05-10T23:50:00"
    assert study_origin(study_of(StudyDate="20220420")) == "2022-04-20T23:50:00"


def test_a_study_date_without_others_to_compare_is_believed() -> None:
    alone = study_of(**undated(StudyDate="20200101", StudyTime="101112"))
    assert study_origin(alone) == "2020-01-01T10:11:12"


def test_a_time_without_a_date_is_of_the_day_of_the_study() -> None:
    timed = study_of(**undated(StudyDate="20220510", SeriesTime="101112"))
    assert study_origin(timed) == "2022-05-10T10:11:12"


def test_times_without_any_date_start_in_1900() -> None:
    timed = study_of(**undated(ContentTime="101112"))
    assert study_origin(timed) == "1900-01-01T10:11:12"


def test_a_date_without_a_time_of_day_is_no_moment() -> None:
    dated = study_of(**undated(StudyDate="20220510"))
    assert study_origin(dated) == "2022-05-10"


def test_an_offset_from_utc_is_part_of_the_origin() -> None:
    zoned = study_of(TimezoneOffsetFromUTC="+0200")
    assert study_origin(zoned) == "2022-05-10T23:50:00+02:00"


def test_the_earliest_moment_is_found_across_offsets() -> None:
    times = undated(SeriesDate="20220510")
    earlier = instance(**times | {"SeriesTime": "120000", "TimezoneOffsetFromUTC": "+0500"})
    later = instance(**times | {"SeriesTime": "110000", "TimezoneOffsetFromUTC": "+0100"})
    assert study_origin(study(series(later, earlier))) == "2022-05-10T12:00:00+05:00"
