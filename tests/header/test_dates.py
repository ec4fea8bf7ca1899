"""Dates and times: shifted at low, on the study clock at high; what cannot be parsed goes."""

from __future__ import annotations

from datetime import datetime

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.header.ages import age_from, limit_age
from deidflow.header.clock import StudyClock, clock_datetime, clock_time
from deidflow.header.load_profile import load_profile
from deidflow.header.profile import Dates
from deidflow.header.rules import compile_profile
from deidflow.header.values import shift_date, shift_datetime
from tests.headers import anonymizer
from tests.synthetic import mr_instance


def test_low_shifts_dates_by_whole_days_and_keeps_times() -> None:
    cleaned = anonymizer("low").clean(mr_instance())
    assert (cleaned.StudyDate, cleaned.StudyTime) == ("20220130", "235000")
    assert cleaned.AcquisitionTime == "235900.5"


def test_high_starts_every_study_at_midnight_of_1900_and_keeps_distances() -> None:
    cleaned = anonymizer("high").clean(mr_instance())
    assert (cleaned.StudyDate, cleaned.StudyTime) == ("19000101", "000000")
    assert (cleaned.SeriesDate, cleaned.SeriesTime) == ("19000101", "000500")
    assert (cleaned.AcquisitionDate, cleaned.AcquisitionTime) == ("19000101", "000900.5")


def test_midnight_is_carried_on_the_study_clock() -> None:
    cleaned = anonymizer("high").clean(
        mr_instance(AcquisitionDate="20220511", AcquisitionTime="000500")
    )
    assert (cleaned.AcquisitionDate, cleaned.AcquisitionTime) == ("19000101", "001500")
    later = anonymizer("high").clean(
        mr_instance(AcquisitionDate="20220512", AcquisitionTime="000500")
    )
    assert (later.AcquisitionDate, later.AcquisitionTime) == ("19000102", "001500")


@pytest.mark.parametrize("level", ["low", "high"])
def test_dates_in_sequences_and_many_values_are_moved_too(level: str) -> None:
    item = Dataset()
    item.StudyDate = "20220510"
    header = mr_instance(
        ReferencedImageSequence=Sequence([item]), AcquisitionDate=["20220510", "20220512"]
    )
    cleaned = anonymizer(level).clean(header)
    moved = {"low": "20220130", "high": "19000101"}[level]
    assert cleaned.ReferencedImageSequence[0].StudyDate == moved
    assert (
        list(cleaned.AcquisitionDate)
        == {"low": ["20220130", "20220201"], "high": ["19000101", "19000103"]}[level]
    )


@pytest.mark.parametrize("level", ["low", "high"])
def test_what_is_no_date_is_emptied_where_required_and_removed_elsewhere(level: str) -> None:
    cleaned = anonymizer(level).clean(
        mr_instance(StudyDate="***", SeriesDate="soon", AcquisitionDate="2022")
    )
    assert cleaned.StudyDate == ""
    assert cleaned.SeriesDate == "19000101"
    assert cleaned.AcquisitionDate == ""


@pytest.mark.parametrize("level", ["low", "high"])
def test_the_birth_date_is_emptied_and_a_missing_age_computed_first(level: str) -> None:
    cleaned = anonymizer(level).clean(mr_instance(PatientAge=None))
    assert cleaned.PatientBirthDate == ""
    assert cleaned.PatientAge == {"low": "062Y", "high": "060Y"}[level]


def test_dates_that_do_not_belong_to_the_image_are_removed_at_high() -> None:
    header = mr_instance(
        LastMenstrualDate="20220501",
        ScheduledProcedureStepStartDate="20220510",
        CreationDate="20200101",
    )
    cleaned = anonymizer("high").clean(header)
    assert not {"LastMenstrualDate", "ScheduledProcedureStepStartDate", "CreationDate"} & set(
        cleaned.dir()
    )


@pytest.mark.parametrize(
    ("text", "shifted"),
    [
        ("20220301", "20220220"),
        ("2022.03.01", "20220220"),
        ("19000101", "19000101"),
        ("20221345", None),
        ("***", None),
    ],
)
def test_shifting_a_date(text: str, shifted: str | None) -> None:
    assert shift_date(text, -9) == shifted


def test_shifting_a_datetime_keeps_fraction_and_zone() -> None:
    assert shift_datetime("20220301101112.5+0100", -9) == "20220220101112.5+0100"
    assert shift_datetime("20220301-20220401", -9) is None


def test_clock_values() -> None:
    origin = StudyClock(datetime(2022, 5, 10, 10, 0, 0))
    assert clock_time("093000", origin) == "233000"
    assert clock_datetime("20220511100000.250+0100", origin) == "19000102000000.250"
    assert clock_datetime("tomorrow", origin) is None


@pytest.mark.parametrize(
    ("age", "binned", "limited"),
    [
        ("062Y", True, "060Y"),
        ("062Y", False, "062Y"),
        ("093Y", False, "090Y"),
        ("093Y", True, "090Y"),
        ("017M", True, "012M"),
        ("003W", True, "003W"),
        ("005D", True, "001W"),
        ("005M", True, "005M"),
        ("008M", True, "006M"),
        ("003Y", True, "003Y"),
        ("009Y", True, "005Y"),
        ("5Y", True, "005Y"),
        ("62", True, None),
        ("old", False, None),
    ],
)
def test_ages(age: str, binned: bool, limited: str | None) -> None:
    assert limit_age(age, binned=binned) == limited


def test_ages_from_birth_and_study_date() -> None:
    assert age_from("19600412", "20220411") == "061Y"
    assert age_from("20220101", "20220115") == "014D"
    assert age_from("20210301", "20220115") == "010M"
    assert age_from("", "20220115") is None


@pytest.mark.parametrize("level", ["low", "high"])
@pytest.mark.parametrize(
    "placeholder", ["19000101", "1900.01.01", "18991230", "16010101", "19700101", "00010101"]
)
def test_a_placeholder_says_nothing_of_the_offset(level: str, placeholder: str) -> None:
    header = mr_instance(
        SeriesDate=placeholder, SeriesTime="000000", AcquisitionDateTime=f"{placeholder[:8]}000000"
    )
    if "." in placeholder:
        del header.AcquisitionDateTime
    cleaned = anonymizer(level).clean(header)
    assert str(cleaned.SeriesDate).replace(".", "") == placeholder.replace(".", "")
    assert cleaned.SeriesTime == "000000"
    assert str(cleaned.get("AcquisitionDateTime", placeholder))[:8] == placeholder[:8]


def test_midnight_stands_for_no_time() -> None:
    cleaned = anonymizer("high").clean(
        mr_instance(SeriesTime="000000", RadiopharmaceuticalStartTime="000000")
    )
    assert (cleaned.SeriesDate, cleaned.SeriesTime) == ("19000101", "000000")


def test_distances_keep_their_fractions() -> None:
    cleaned = anonymizer("high", clock=StudyClock(datetime(2022, 5, 10, 23, 50, 0, 672000))).clean(
        mr_instance()
    )
    assert cleaned.AcquisitionTime == "000859.828000"


def test_times_are_zeroed_or_removed_when_asked() -> None:
    from tests.headers import Anonymizer, cleaner

    inner = cleaner("low")
    dates = Dates(mode="shift", times="zero")
    inner.rules = compile_profile(load_profile("low").model_copy(update={"dates": dates}))
    cleaned = Anonymizer(inner).clean(mr_instance(AcquisitionDateTime="20220510235900.5+0100"))
    assert (cleaned.StudyTime, cleaned.StudyDate) == ("000000", "20220130")
    assert cleaned.AcquisitionDateTime == "20220130000000"
