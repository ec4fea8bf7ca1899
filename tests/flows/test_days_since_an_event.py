"""Days since the first study, or since a date of the headers, in headers and tables of a release."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from deidflow.errors import ConfigError
from deidflow.settings.effective import effective_profile
from deidflow.settings.load import load_settings
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.verify import judged
from tests.flows.conftest import Site
from tests.places import write_secret
from tests.synthetic import save_series

DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")


@pytest.mark.parametrize("profile", ["low", "high"])
def test_days_are_in_headers_and_subjects(one_server: None, tmp_path: Path, profile: str) -> None:
    site = Site(tmp_path)
    write_secret(tmp_path / "vault")
    for number, day in enumerate(("20220510", "20221110"), 1):
        uids = {"StudyInstanceUID": f"1.2.{number}", "SeriesInstanceUID": f"1.2.{number}.1"}
        dates = dict.fromkeys(DATES, day)
        save_series(site.source / day, 2, **uids, **dates, AdmittingDate="20220501")

    for since, days in (("first-study", (0, 184)), ("AdmittingDate", (9, 193))):
        site.run(profile=profile, header={"days_since": since})
        [header, row] = (site.release / "subjects.tsv").read_text().splitlines()
        assert header.endswith("\tdays")
        assert row.endswith(f"\tM00:{days[0]} M06:{days[1]}")
        for label, count in zip(("M00", "M06"), days, strict=True):
            path = next((site.release / "P001" / label).rglob("*.dcm"))
            released = pydicom.dcmread(path)
            assert released.LongitudinalTemporalOffsetFromEvent == count
            event = "BASELINE" if since == "first-study" else "DATE_00380020"
            assert released.LongitudinalTemporalEventType == event
            assert released.LongitudinalTemporalInformationModified == "MODIFIED"
    report, _ = judged(VerifyOptions(release=site.release))
    assert not report.findings


@pytest.mark.parametrize(
    ("level", "since", "words"),
    [
        ("low", "PatientName", "neither first-study nor the keyword of a date"),
        ("low", "Nothing", "neither first-study nor the keyword of a date"),
        ("high", "PatientBirthDate", "would give them away"),
    ],
)
def test_what_is_no_event_or_tells_the_age_is_refused(
    tmp_path: Path, level: str, since: str, words: str
) -> None:
    places = {name: tmp_path / name for name in ("source", "release", "vault")}
    settings = load_settings(
        {**places, "level": level, "header": {"days_since": since}}, environment={}
    )
    with pytest.raises(ConfigError, match=words):
        effective_profile(settings)
