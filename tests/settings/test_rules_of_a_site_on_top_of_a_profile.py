"""What a site asks of single attributes wins over its profile; warnings say what it lets out."""

from __future__ import annotations

from typing import Any

import pytest

from deidflow.errors import ConfigError, UsageError
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.header.selectors import parse_selector, tag_of
from deidflow.settings.attribute_values import check_value, refuse_structural
from deidflow.settings.effective import effective_profile, parse_replacements
from deidflow.settings.profile_warnings import profile_warnings
from deidflow.settings.run import CommonSettings


def settings(level: str = "high", **values: Any) -> CommonSettings:
    return CommonSettings(level=level, **values)  # type: ignore[arg-type]


def effective(level: str = "high", **header: Any) -> Profile:
    return effective_profile(settings(level, header=header))


def action_of(profile: Profile, keyword: str, vr: str = "LO") -> str:
    rule = compile_profile(profile).for_tag(tag_of(keyword), vr, known=True)
    action: str = rule.action
    return action


def test_without_wishes_the_profile_is_that_of_the_level() -> None:
    assert effective("low").name == "low"
    assert effective("high").name == "high"
    assert effective_profile(settings(profile="basic")).name == "basic"


def test_keep_wins_over_replace_over_remove() -> None:
    removed = effective(remove=("StationName",))
    replaced = effective(remove=("StationName",), replace={"StationName": "X"})
    kept = effective(remove=("StationName",), replace={"StationName": "X"}, keep=("StationName",))

    assert action_of(removed, "StationName", "SH") == "remove"
    assert action_of(replaced, "StationName", "SH") == "replace"
    assert action_of(kept, "StationName", "SH") == "retain"


def test_categories_and_csa_of_a_site_replace_those_of_the_profile() -> None:
    profile = effective(categories={"institution": False}, csa="remove")

    assert profile.categories["institution"] is False
    assert profile.csa == "remove"


def test_private_none_keeps_no_private_element() -> None:
    assert effective_profile(settings("low")).private
    assert not effective_profile(settings("low", private="none")).private


def test_given_days_shift_everybody_alike_at_level_low() -> None:
    profile = effective("low", shift_days=-30)

    assert (profile.dates.mode, profile.dates.days) == ("shift", -30)
    assert "retain_longitudinal_modified_dates" in profile.options
    assert "retain_longitudinal_full_dates" not in profile.options


def test_given_days_contradict_the_study_clock() -> None:
    with pytest.raises(UsageError, match="contradict each other"):
        effective("high", shift_days=-30)


def test_a_profile_with_given_days_is_refused_at_level_high(tmp_path: Any) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("extends: low\ndates: {mode: shift, days: 5}\n")

    assert effective_profile(settings("low", profile=str(own))).dates.days == 5
    with pytest.raises(ConfigError, match="level high does not allow"):
        effective_profile(settings("high", profile=str(own)))


def test_kept_uids_are_an_option_and_want_no_root() -> None:
    profile = effective(keep_uids=True)

    assert profile.options.count("retain_uids") == 1
    with pytest.raises(UsageError, match="contradict each other"):
        effective(keep_uids=True, uid_root="1.2.3")


def test_with_strategy_none_the_patient_id_stays() -> None:
    profile = effective_profile(settings(ids={"strategy": "none"}))

    assert action_of(profile, "PatientID") == "retain"
    assert action_of(effective(), "PatientID") != "retain"


def test_an_empty_patient_id_and_what_gives_it_a_value_contradict_each_other() -> None:
    assert action_of(effective_profile(settings(patient_id="empty")), "PatientID") == "empty"
    for wish in (
        {"ids": {"strategy": "none"}},
        {"header": {"keep": ["0010,0020"]}},
        {"header": {"replace": {"PatientID": "A"}}},
    ):
        with pytest.raises(UsageError, match="patient_id: empty"):
            effective_profile(settings(patient_id="empty", **wish))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("StudyDate", "20220510"),
        ("StudyTime", "235000.5"),
        ("PatientAge", "062Y"),
        ("PatientSex", "O"),
        ("StudyInstanceUID", "1.2.3"),
        ("Rows", "512"),
        ("PatientWeight", "72.5"),
        ("PatientName", ""),
        ("StationName", "A" * 16),
    ],
)
def test_values_that_fit_their_attribute_pass(attribute: str, value: str) -> None:
    check_value(parse_selector(attribute), value)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("StudyDate", "10.05.2022"),
        ("StudyTime", "noon"),
        ("PatientAge", "62"),
        ("PatientSex", "female"),
        ("StudyInstanceUID", "1.2.x"),
        ("Rows", "many"),
        ("StationName", "A" * 17),
    ],
)
def test_values_that_do_not_fit_are_refused(attribute: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"'{attribute}' cannot hold this value"):
        check_value(parse_selector(attribute), value)


@pytest.mark.parametrize("attribute", ["AnatomicRegionSequence", "EncapsulatedDocument"])
def test_what_is_no_text_cannot_be_replaced(attribute: str) -> None:
    with pytest.raises(ConfigError, match="cannot be replaced by a text"):
        check_value(parse_selector(attribute), "")


@pytest.mark.parametrize("attribute", ["Rows", "PixelData", "SOPClassUID", "0008,0005"])
def test_what_a_reader_needs_stays(attribute: str) -> None:
    with pytest.raises(ConfigError, match="needed to read the file"):
        refuse_structural(attribute)
    with pytest.raises(ConfigError, match="needed to read the file"):
        effective(remove=(attribute,))


def test_the_same_attribute_in_a_sequence_may_go() -> None:
    refuse_structural("ReferencedImageSequence/SOPClassUID")
    refuse_structural("StationName")


def test_replacements_of_a_command_line() -> None:
    texts = ["PatientName=DOE^JOHN", "StudyID=a=b", "StationName="]

    assert parse_replacements(texts) == {
        "PatientName": "DOE^JOHN",
        "StudyID": "a=b",
        "StationName": "",
    }


@pytest.mark.parametrize("text", ["PatientName", "=X"])
def test_a_replacement_needs_attribute_and_value(text: str) -> None:
    with pytest.raises(ConfigError, match="wants ATTRIBUTE=VALUE"):
        parse_replacements([text])


def test_two_values_for_one_attribute_are_a_contradiction() -> None:
    assert parse_replacements(["StudyID=1", "StudyID=1"]) == {"StudyID": "1"}
    with pytest.raises(UsageError, match="two values"):
        parse_replacements(["StudyID=1", "StudyID=2"])

    by_two_names = {"StudyID": "1", "0020,0010": "2"}
    with pytest.raises(UsageError, match="two values"):
        effective(replace=by_two_names)


def warnings(level: str = "high", **values: Any) -> list[str]:
    site = settings(level, **values)
    return list(profile_warnings(site, effective_profile(site)))


def test_the_levels_warn_of_nothing() -> None:
    assert warnings("low") == []
    assert warnings("high") == []


@pytest.mark.parametrize(
    ("attribute", "effect"),
    [
        ("PatientBirthDate", "removes|empties|shifts"),
        ("StudyInstanceUID", "another UID"),
        ("PatientID", "pseudonym"),
        ("0019,[DR ZIMMERQUAST]01", "removes"),
        ("60xx,3000", "removes or cleans"),
    ],
)
def test_a_kept_attribute_is_named_with_what_it_lets_out(attribute: str, effect: str) -> None:
    lines = warnings(header={"keep": (attribute,)})

    named = [line for line in lines if line.startswith(f"--keep {attribute} lets out")]
    assert len(named) == 1
    assert any(word in named[0] for word in effect.split("|"))


def test_keeping_what_stays_anyway_is_not_worth_a_line() -> None:
    assert warnings(header={"keep": ("Rows",)}) == []


def test_kept_ids_and_uids_are_not_de_identified() -> None:
    lines = warnings(ids={"strategy": "none"}, header={"keep_uids": True})

    assert any("patient IDs stay as they are" in line for line in lines)
    assert any("UIDs stay as they are" in line for line in lines)


def test_many_weakened_attributes_are_counted() -> None:
    keywords = [
        "PatientName",
        "PatientBirthDate",
        "StudyDate",
        "SeriesDate",
        "StationName",
        "InstitutionName",
        "ReferringPhysicianName",
        "OperatorsName",
        "PatientAddress",
        "PatientTelephoneNumbers",
    ]
    lines = warnings(header={"keep": tuple(keywords)})

    assert any("and 2 more" in line and "not de-identified by PS3.15" in line for line in lines)


def test_a_profile_that_keeps_everything_says_so(tmp_path: Any) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("title: nothing\nbase: none\n")

    (line,) = warnings("low", profile=str(own))
    assert "keeps every attribute that it does not name" in line


def test_warnings_hold_no_value_of_a_replacement() -> None:
    lines = warnings("low", header={"replace": {"PatientName": "Zimmerquast"}})

    assert "Zimmerquast" not in " ".join(lines)
