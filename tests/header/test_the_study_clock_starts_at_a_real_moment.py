"""No real date or time leaves at high, whatever is missing or made up in the headers of a study."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

import deidflow
from deidflow.errors import ConfigError, UsageError
from deidflow.header.clock import StudyClock, clock_datetime, clock_time
from deidflow.header.values import floor_to, parse_zone, shift_datetime
from tests.headers import anonymizer
from tests.synthetic import mr_instance, save

REAL = {
    "StudyDate": "20190304",
    "SeriesDate": "20190304",
    "AcquisitionDate": "20190304",
    "ContentDate": "20190304",
    "StudyTime": "101500",
    "SeriesTime": "101630.5",
    "AcquisitionTime": "101700.25",
    "ContentTime": "101800",
}
HIDDEN = re.compile(r"2019|1016|1017|1018")


def anonymized(folder: Path, headers: list[Dataset], **options: Any) -> list[Dataset]:
    """The headers as `anonymize` releases them."""
    for number, header in enumerate(headers):
        header.SOPInstanceUID = f"1.2.3.4.5.1.1.{number + 1}"
        header.InstanceNumber = number + 1
        save(header, folder / "in" / f"{number}.dcm")
    result = deidflow.anonymize(
        [folder / "in"], folder / "out", level=options.pop("level", "high"), **options
    )
    assert result.verdicts["released"] == len(headers)
    files = sorted((folder / "out").rglob("*.dcm"))
    return sorted(map(pydicom.dcmread, files), key=lambda header: header.InstanceNumber)


def moments(header: Dataset) -> list[str]:
    """Every date and time of a header."""
    return [str(element.value) for element in header.iterall() if element.VR in ("DA", "TM", "DT")]


@pytest.mark.parametrize("placeholder", ["19000101", "18581117", "19700101", "00010101", "", None])
def test_a_placeholder_study_date_is_not_the_origin(
    tmp_path: Path, placeholder: str | None
) -> None:
    (header,) = anonymized(tmp_path, [mr_instance(**REAL | {"StudyDate": placeholder})])
    assert not any(HIDDEN.search(value) for value in moments(header))
    assert (header.SeriesDate, header.SeriesTime) == ("19000101", "000130.5")
    assert header.AcquisitionTime == "000200.25"


@pytest.mark.parametrize("time", ["", None, "000000", "10 past 10"])
def test_a_missing_study_time_is_not_midnight(tmp_path: Path, time: str | None) -> None:
    (header,) = anonymized(tmp_path, [mr_instance(**REAL | {"StudyTime": time})])
    assert not any(HIDDEN.search(value) for value in moments(header))
    assert Decimal(header.AcquisitionTime) - Decimal(header.SeriesTime) == Decimal("29.75")


def test_times_without_any_date_keep_their_distances(tmp_path: Path) -> None:
    no_dates = dict.fromkeys(("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"), "")
    (header,) = anonymized(tmp_path, [mr_instance(**REAL | no_dates | {"StudyTime": ""})])
    assert (header.SeriesTime, header.AcquisitionTime) == ("000000.0", "000029.75")


def test_a_time_that_nothing_can_hide_does_not_leave(tmp_path: Path) -> None:
    unknown = dict.fromkeys(("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"), "")
    header = mr_instance(**REAL | unknown | {"ContrastBolusStartTime": "101630"})
    (released,) = anonymized(tmp_path, [header])
    assert not any(HIDDEN.search(value) for value in moments(released))


def test_every_instance_of_a_study_has_the_same_origin(tmp_path: Path) -> None:
    first = mr_instance(**REAL | {"StudyTime": ""})
    second = mr_instance(
        **REAL | {"StudyTime": "", "AcquisitionTime": "101600", "ContentTime": "101600"}
    )
    released = anonymized(tmp_path, [first, second])
    assert [header.SeriesTime for header in released] == ["000030.5", "000030.5"]
    assert [header.AcquisitionTime for header in released] == ["000100.25", "000000"]


def test_offsets_from_utc_count_where_distances_are_kept() -> None:
    hour = parse_zone("+0100")
    clock = StudyClock.parse("2022-05-10T10:00:00+01:00")
    assert clock is not None
    assert clock_datetime("20220510090000+0000", clock, hour) == "19000101000000"
    assert clock_datetime("20220510100000", clock, hour) == "19000101000000"
    assert (
        clock_datetime("20220510110000", clock.in_zone(parse_zone("+0200")), parse_zone("+0200"))
        == "19000101000000"
    )
    assert shift_datetime("20220301233000+0000", 1, hour) == "20220303003000"


def test_a_dose_given_in_another_zone_keeps_its_distance_to_the_scan() -> None:
    header = mr_instance(**REAL | {"TimezoneOffsetFromUTC": "+0100"})
    dose = Dataset()
    dose.RadiopharmaceuticalStartDateTime = "20190304081630.5+0000"
    header.RadiopharmaceuticalInformationSequence = [dose]
    clock = StudyClock.parse("2019-03-04T10:16:30.5+01:00")
    cleaned = anonymizer("high", clock=clock).clean(header)
    injected = cleaned.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime
    assert (cleaned.SeriesTime, injected) == ("000000.0", "18991231230000.0")


def test_shifted_dates_at_high_are_refused(tmp_path: Path) -> None:
    save(mr_instance(), tmp_path / "in" / "a.dcm")
    with pytest.raises(UsageError, match="--level low"):
        deidflow.anonymize([tmp_path / "in"], tmp_path / "out", level="high", shift_dates=30)


def test_the_category_dates_takes_every_date_nested_too(tmp_path: Path) -> None:
    header = mr_instance(
        **REAL | {"AcquisitionDateTime": "20190304101630", "DateOfSecondaryCapture": "20190304"}
    )
    inner = Dataset()
    inner.ScheduledProcedureStepStartDate, inner.ReferencedDateTime = "20190304", "20190304101630"
    inner.ContentDate = "20190304"
    header.ReferencedImageSequence = [inner]
    (released,) = anonymized(tmp_path, [header], level="low", profile=_dateless(tmp_path))
    assert set(moments(released)) <= {"", "19000101", "000000", "19000101000000"}


def _dateless(folder: Path) -> Path:
    path = folder / "dateless.yaml"
    path.write_text("name: dateless\ntitle: no dates\nextends: low\ncategories: {dates: true}\n")
    return path


@pytest.mark.parametrize(
    ("value", "step", "floored"),
    [
        ("3.7", "5", "3.5"),
        ("72.5", "5", "70"),
        ("9.9", "5", "9.5"),
        ("0.9", "5", "0.9"),
        ("0", "5", "0"),
        ("0.48", "0.05", "0.45"),
    ],
)
def test_small_values_are_floored_to_smaller_steps(value: str, step: str, floored: str) -> None:
    assert floor_to(value, Decimal(step)) == floored


@pytest.mark.parametrize(("level", "age"), [("low", "063Y"), ("high", "060Y")])
@pytest.mark.parametrize("stated", ["", None, "63 years"])
def test_an_age_that_is_not_stated_is_computed(level: str, age: str, stated: str | None) -> None:
    header = mr_instance(PatientAge=None, PatientBirthDate="19590101", StudyDate="20220510")
    if stated is not None:
        header.add_new(0x00101010, "AS", stated)
    assert anonymizer(level).clean(header).PatientAge == age


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("20190304", "19000101"),
        ("20190304000000", "19000101000000"),
        ("2019030410", "1899123123"),
        ("20190305101630.5", "19000102000100.5"),
        ("19800101101630", None),
    ],
)
def test_a_datetime_gives_no_more_than_its_own_precision(value: str, moved: str | None) -> None:
    clock = StudyClock.parse("2019-03-04T10:15:30")
    assert clock is not None
    assert clock_datetime(value, clock) == moved


def test_an_hour_gives_no_minutes_away() -> None:
    clock = StudyClock.parse("2019-03-04T10:15:30")
    assert clock is not None
    assert clock_time("10", clock) == "23"


@pytest.mark.parametrize("date", ["19800101", "20000101", "11111111", "19691231"])
def test_a_made_up_study_date_that_no_list_knows_is_not_the_origin(
    tmp_path: Path, date: str
) -> None:
    (header,) = anonymized(tmp_path, [mr_instance(**REAL | {"StudyDate": date})])
    assert not any(HIDDEN.search(value) for value in moments(header))
    assert header.SeriesDate == "19000101"
    assert str(header.StudyDate) in ("", "19000101")


@pytest.mark.parametrize("date", ["19800101", "20000101"])
def test_a_made_up_series_date_gives_the_origin_away_at_no_level(tmp_path: Path, date: str) -> None:
    for level in ("low", "high"):
        (header,) = anonymized(
            tmp_path / level, [mr_instance(**REAL | {"SeriesDate": date})], level=level
        )
        assert str(header.get("SeriesDate", "")) in ("", "19000101") or level == "low"
        assert str(header.get("SeriesDate", ""))[:2] != "18"


def test_a_profile_that_shows_its_shift_is_refused_at_high(tmp_path: Path) -> None:
    save(mr_instance(), tmp_path / "in" / "a.dcm")
    path = tmp_path / "shifted.yaml"
    path.write_text("name: shifted\ntitle: t\nextends: high\ndates: {mode: shift, days: -30}\n")
    with pytest.raises(ConfigError, match=r"dates\.days"):
        deidflow.anonymize([tmp_path / "in"], tmp_path / "out", level="high", profile=path)


def test_zero_years_are_no_age() -> None:
    header = mr_instance(PatientAge="000Y", PatientBirthDate="19590101", StudyDate="20220510")
    assert anonymizer("high").clean(header).PatientAge == "060Y"
    assert (
        anonymizer("high").clean(mr_instance(PatientAge="000Y", PatientBirthDate="")).PatientAge
        == "000Y"
    )
