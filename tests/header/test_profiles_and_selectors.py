"""Our six profiles and a site's own; attributes named in every way; errors that name the line."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.errors import ConfigError, UsageError
from deidflow.header.completeness import weakened
from deidflow.header.load_profile import NAMES, load_profile, read_profile
from deidflow.header.profile_table import differing, documented, explain
from deidflow.header.rules import category_tags, compile_profile
from deidflow.header.selectors import parse_selector, tag_of
from deidflow.settings.effective import effective_profile, parse_replacements
from deidflow.settings.load import checked
from deidflow.settings.run import CommonSettings
from tests.headers import Anonymizer, anonymizer, cleaner
from tests.places import REAL_DATA
from tests.synthetic import mr_instance


def with_header(profile: str = "low", **header: Any) -> Anonymizer:
    """The anonymizer of settings with this section `header`."""
    inner = cleaner("low")
    inner.rules = compile_profile(
        effective_profile(checked(CommonSettings, {"profile": profile, "header": header}))
    )
    return Anonymizer(inner)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return path


def test_the_page_of_the_documentation_is_what_the_profiles_say() -> None:
    page = Path(__file__).parents[2] / "docs" / "profiles.md"
    assert page.read_text("utf-8") == documented(load_profile(name) for name in NAMES)


def test_every_attribute_of_the_table_is_explained() -> None:
    rows = explain(load_profile("high"))
    named = {row.attribute: row for row in rows}
    assert sum(bool(row.code) for row in rows) == 657
    assert (named["PatientBirthDate"].code, named["PatientBirthDate"].action) == ("Z", "empty")
    assert named["PatientWeight"].action == "bin (5)"
    assert ("PatientWeight", "keep", "bin (5)") in differing(
        load_profile("low"), load_profile("high")
    )


def test_basic_keeps_no_dates_no_descriptions_and_nothing_private() -> None:
    header = mr_instance()
    header.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", "1000")
    cleaned = anonymizer("basic").clean(header)
    assert (cleaned.StudyDate, cleaned.StudyTime, cleaned.PatientBirthDate) == ("", "", "")
    assert "SeriesDescription" not in cleaned
    assert "PatientWeight" not in cleaned
    assert not any(tag.is_private for tag in cleaned.keys())
    assert cleaned.PatientIdentityRemoved == "YES"


def test_clinical_trial_shifts_dates_and_removes_times() -> None:
    cleaned = anonymizer("clinical-trial").clean(mr_instance(AcquisitionDateTime="20220510235900"))
    assert (cleaned.StudyDate, cleaned.StudyTime) == ("20220130", "")
    assert cleaned.AcquisitionDateTime == "20220130"
    assert cleaned.get("AcquisitionTime", "") == ""


def test_research_takes_name_id_birth_date_address_and_telephone_only() -> None:
    header = mr_instance(
        PatientAddress="Way 1", PatientTelephoneNumbers="0123", InstitutionName="Clinic"
    )
    cleaned = anonymizer("research").clean(header)
    assert (str(cleaned.PatientName), cleaned.PatientBirthDate) == ("P001", "")
    assert cleaned.PatientID not in ("", "PID-77120", "P001")
    assert not {"PatientAddress", "PatientTelephoneNumbers"} & set(cleaned.dir())
    assert (cleaned.StudyDate, cleaned.InstitutionName, cleaned.SOPInstanceUID) == (
        "20220510", "Clinic", header.SOPInstanceUID,
    )  # fmt: skip
    assert (cleaned.PatientIdentityRemoved, "DeidentificationMethodCodeSequence" in cleaned) == (
        "NO",
        False,
    )


def test_pseudonymize_takes_the_name_everywhere_it_stands_and_nothing_else() -> None:
    item = Dataset()
    item.PatientComments = "Adelheid was calm"
    header = mr_instance(
        PatientComments="Mrs. ZIMMERQUAST moved", ReferencedImageSequence=Sequence([item])
    )
    block = header.private_block(0x0033, "ACME", create=True)
    block.add_new(0x13, "LO", "Zimmerquast^A")
    block.add_new(0x14, "OB", b"Zimmerquast!")
    block.add_new(0x15, "OB", b"numbers ")
    cleaned = anonymizer("pseudonymize").clean(header)
    assert (cleaned.PatientComments, cleaned.PatientBirthDate, cleaned.PatientAge) == (
        "Mrs.  moved",
        "19600412",
        "062Y",
    )
    assert cleaned.ReferencedImageSequence[0].PatientComments == "was calm"
    assert (cleaned[0x00331013].value, cleaned[0x00331015].value) == ("^A", b"numbers ")
    assert 0x00331014 not in cleaned


@pytest.mark.parametrize(
    "category", ["patient", "clinical_trial", "provider", "institution", "dates"]
)
def test_categories_cover_at_least_what_nils_does(category: str) -> None:
    path = REAL_DATA.parent / "spec" / "nils_tags.csv"
    if not path.exists():
        pytest.skip("no table of NILS beside the checkout")
    names = {
        "patient": "Patient",
        "clinical_trial": "Clinical",
        "provider": "Healthcare",
        "institution": "Institution",
    }
    wanted = names.get(category, "Time")
    with path.open() as stream:
        asked = {
            tag_of(row["tag"])
            for row in csv.DictReader(stream)
            if row["category"].startswith(wanted)
        }
    assert asked <= set(category_tags(category))


def test_categories_are_switched_on_and_off() -> None:
    on = with_header(categories={"patient": True, "dates": False}).clean(mr_instance())
    assert on.get("PatientWeight") in (None, "")
    assert on.PatientSex == ""
    assert on.StudyDate == "20220510"
    assert (
        compile_profile(load_profile("low")).for_tag(tag_of("PatientWeight"), "DS").action == "keep"
    )


def test_keep_wins_over_replace_over_remove_over_the_profile() -> None:
    three = ("InstitutionName", "StationName", "OperatorsName")
    header = mr_instance(InstitutionName="Clinic", StationName="MR1", OperatorsName="Some^One")
    replaced = {"StationName": "S", "OperatorsName": "O"}
    cleaned = with_header(remove=three, replace=replaced, keep=("OperatorsName",)).clean(header)  # fmt: skip
    assert "InstitutionName" not in cleaned
    assert (cleaned.StationName, str(cleaned.OperatorsName)) == ("S", "Some^One")


def test_attributes_are_named_in_every_way() -> None:
    item = Dataset()
    item.PatientComments, item.PatientID = "one", "other"
    header = mr_instance(ReferencedImageSequence=Sequence([item]), PatientComments="two")
    header.add_new(0x60003000, "OW", b"\1\0")
    block = header.private_block(0x0029, "ACME", create=True)
    block.add_new(0x10, "LO", "mine")
    block.add_new(0x11, "LO", "not mine")
    keep = ("0008,0060", "60xx,3000", "0029,[ACME]10", "ReferencedImageSequence/PatientComments")
    cleaned = with_header(keep=keep).clean(header)
    assert cleaned[0x60003000].value == b"\1\0"
    assert cleaned[0x00291010].value == "mine"
    assert 0x00291011 not in cleaned
    assert cleaned.ReferencedImageSequence[0].PatientComments == "one"
    assert cleaned.get("PatientComments", "") != "two"
    assert cleaned.ReferencedImageSequence[0].PatientID == "P001"


def test_uids_are_kept_when_asked_and_said() -> None:
    settings = checked(CommonSettings, {"level": "low", "header": {"keep_uids": True}})
    assert "113110" in dict(effective_profile(settings).codes)
    with pytest.raises(UsageError, match="contradict"):
        effective_profile(
            checked(CommonSettings, {"header": {"keep_uids": True, "uid_root": "1.2.3"}})
        )


def test_two_values_for_one_attribute_contradict_each_other() -> None:
    assert parse_replacements(["A=1", "A=1", "B=x=y"]) == {"A": "1", "B": "x=y"}
    with pytest.raises(UsageError, match="two values"):
        parse_replacements(["PatientName=A", "PatientName=B"])
    with pytest.raises(UsageError, match="two values"):
        effective_profile(
            checked(CommonSettings, {"header": {"replace": {"PatientName": "A", "0010,0010": "B"}}})
        )


def test_a_profile_of_a_site_extends_one_of_ours(tmp_path: Path) -> None:
    text = (
        "extends: basic\noptions: [retain_device_identity]\ndates: {mode: timepoint}\ndeviations:\n"
    )
    text += "  - {attribute: BodyPartExamined, action: remove, reason: not needed}\n"
    text += "  - {attribute: InstitutionName, action: replace, value: SITE A, create: true, reason: shown to readers}\n"
    profile = read_profile(written(tmp_path, text))
    inner = cleaner("basic")
    inner.rules = compile_profile(profile)
    cleaned = Anonymizer(inner).clean(mr_instance(StationName="MR1"))
    assert (cleaned.StationName, cleaned.InstitutionName, str(cleaned.PatientName)) == (
        "MR1",
        "SITE A",
        "P001",
    )
    assert "BodyPartExamined" not in cleaned


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: x\noption: [clean_descriptors]\n", "line 2, 'option': 'option' is not known; did you mean 'options'"),
        ("options:\n  - clean_graphic\n", "line 2, .*'clean_graphic' is not known; did you mean 'clean_graphics'"),
        ("deviations:\n - {attribute: PatientNam, action: remove, reason: x}\n", "line 2, .*mean 'PatientName'"),
        ("deviations:\n - {attribute: PatientName, action: delete, reason: x}\n", "line 2, .*'delete'.*known: remove"),
        ("deviations:\n  - {attribute: PatientName,\n     action: remove}\n", "line 2, .*reason.*must be given"),
        ("categories: {patients: true}\n", "did you mean 'patient'"),
        ("extends: bassic\n", "no profile 'bassic'; did you mean 'basic'"),
        ("- a\n", "keys and values"),
        ("a: [\n", "not YAML, line 2"),
        ("dates: {mode: shift, day: 3}\n", "line 1, 'dates.day': 'day' is not known; did you mean 'days'"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_explained_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_profile(written(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    ["0029,[ACME]zz", "0028,[ACME]10", "60xy,3000", "Nothing", "ReferencedImageSequence/Nothing"],
)
def test_what_names_no_attribute_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_selector(text)


def test_only_complete_profiles_say_that_identity_was_removed(tmp_path: Path) -> None:
    assert not weakened(load_profile("high"))
    assert not weakened(load_profile("low"))
    assert not weakened(load_profile("basic"))
    text = "extends: low\ndeviations:\n  - {attribute: OperatorsName, action: keep, reason: asked for}\n"
    assert weakened(read_profile(written(tmp_path, text))) == (tag_of("OperatorsName"),)


def test_labels_and_days_go_into_their_own_attributes(tmp_path: Path) -> None:
    from deidflow.header.markers import markers

    profile = read_profile(
        written(tmp_path, "extends: basic\ndates: {mode: timepoint, since: first-study}\n")
    )
    inner = cleaner("basic")
    inner.rules, inner.markers = (
        compile_profile(profile),
        {True: markers(profile, "M06", 183, explicit=True)},
    )
    cleaned = Anonymizer(inner).clean(mr_instance())
    assert (cleaned.ClinicalTrialTimePointID, cleaned.LongitudinalTemporalOffsetFromEvent) == (
        "M06",
        183,
    )
    assert (cleaned.LongitudinalTemporalEventType, cleaned.StudyDate) == ("BASELINE", "")
    assert cleaned.LongitudinalTemporalInformationModified == "MODIFIED"


@pytest.mark.parametrize(
    "kept",
    [
        "6000,0022",
        "60xx,3000",
        "0029,[ACME]10",
        "ReferencedImageSequence/PatientName",
        "OperatorsName",
    ],
)
def test_what_was_kept_on_purpose_is_said(kept: str) -> None:
    settings = checked(CommonSettings, {"profile": "low", "header": {"keep": (kept,)}})
    assert weakened(effective_profile(settings))


@pytest.mark.parametrize("kept", ["StudyTime", "Rows", "SliceThickness"])
def test_what_stays_anyway_weakens_nothing(kept: str) -> None:
    assert not weakened(
        effective_profile(checked(CommonSettings, {"profile": "low", "header": {"keep": (kept,)}}))
    )


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"replace": {"Rows": "many"}}, "cannot hold"),
        ({"replace": {"StudyDate": "soon"}}, "VR is DA"),
        ({"replace": {"SpecificCharacterSet": "ISO_IR 192"}}, "needed to read"),
        ({"remove": ("PixelData",)}, "needed to read"),
        ({"keep": ("0029,1010",)}, "private"),
    ],
)
def test_what_would_break_files_is_refused(header: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        effective_profile(checked(CommonSettings, {"header": header}))


def test_all_elements_of_a_private_creator() -> None:
    header = mr_instance()
    for creator, number in (("ACME", 0x10), ("ACME", 0x11), ("OTHER", 0x10)):
        header.private_block(0x0029, creator, create=True).add_new(number, "LO", "kept")
    cleaned = with_header(keep=("0029,[ACME]xx",)).clean(header)
    assert [hex(tag) for tag in cleaned.keys() if tag.is_private] == [
        "0x290010",
        "0x291010",
        "0x291011",
    ]
