"""Reports: each content item is kept, cleaned or removed by its concept (PS3.15 E.3.4)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.header.content_table import TABLE
from deidflow.header.load_profile import load_profile
from deidflow.header.profile import Deviation
from deidflow.resources import load_table
from tests.headers import Anonymizer, anonymizer
from tests.reports import by_reference, code, content, report
from tests.synthetic import save

WEIGHT = code("29463-7", "Patient Weight", "LN")
LOCAL = code("X1", "Signed by Bob Miller", "99SITE")
START = code("113809", "Start of X-Ray Irradiation")
CONTAINER = code("113819", "CT Acquisition")


def cleaning(level: str, *more: str) -> Anonymizer:
    """The anonymizer of a level with the option, and with further ones."""
    profile = load_profile(level)
    options = (*profile.options, "clean_structured_content", *more)
    return anonymizer(profile.model_copy(update={"options": options}))


def kept(anonymizer: Anonymizer, *items: Dataset, **changes: Any) -> list[Dataset]:
    """What is left of the items of a report."""
    return list(anonymizer.clean(report(*items, **changes)).get("ContentSequence", ()))


def value(item: Dataset) -> Any:
    """The value of a content item."""
    for keyword in ("TextValue", "PersonName", "DateTime", "Date", "Time", "UID"):
        if keyword in item:
            return item[keyword].value
    return item.MeasuredValueSequence[0].NumericValue


def named(number: str) -> Dataset:
    return code(number, "a concept of the standard")


@pytest.mark.parametrize("level", ["basic", "low", "high"])
@pytest.mark.parametrize(
    "item",
    [
        content("TEXT", named("121022"), "A77120"),
        content("TEXT", named("128774"), "bmiller"),
        content("DATE", named("121031"), "20190412"),
        content("PNAME", named("121036"), "Miller^Eve"),
        content("UIDREF", named("121018"), "1.2.3.4"),
        content("TEXT", named("113873"), "Ypsilanti Clinic"),
        content("CONTAINER", named("121000"), None, content("NUM", LOCAL, ("1", "mm"))),
        content("IMAGE", named("121080"), "1.2.3.4.5.1.1"),
        # another value type than the concept should have
        content("NUM", named("121022"), ("77120", "1")),
        content("CODE", named("121030"), code("77120", "Bob", "99SITE")),
        content("TEXT", named("121031"), "12 April 2019"),
    ],
)
def test_what_the_table_removes_goes_with_all_that_is_in_it(level: str, item: Dataset) -> None:
    assert kept(cleaning(level), item) == []


@pytest.mark.parametrize("level", ["basic", "low", "high"])
@pytest.mark.parametrize(
    "item",
    [
        content("PNAME", named("121008"), "Miller^Bob"),
        content("TEXT", named("121008"), "Miller^Bob"),
        content("PNAME", LOCAL, "Miller^Bob"),
        content("PNAME", None, "Miller^Bob"),
        content("TEXT", named("121030"), "PID-77120"),
        content("TEXT", LOCAL, "Bob Miller, room 7"),
        content("TEXT", None, "Bob Miller, room 7"),
    ],
)
def test_names_and_unknown_texts_become_dummies(level: str, item: Dataset) -> None:
    (left,) = kept(cleaning(level), item)
    assert value(left) == "REMOVED"
    assert "Miller" not in str(left)


def test_a_description_keeps_its_words_of_acquisition_if_the_profile_cleans_them() -> None:
    protocol = content("TEXT", named("125203"), "T1 MPRAGE of Bob")
    (left,) = kept(cleaning("low"), protocol)
    assert value(left) == "T1 MPRAGE"
    assert kept(cleaning("basic"), protocol) == []


def test_a_finding_that_is_a_code_stays() -> None:
    brain = code("12738006", "Brain", "SCT")
    (left,) = kept(cleaning("high"), content("CODE", named("121071"), brain))
    assert left.ConceptCodeSequence[0].CodeMeaning == "Brain"


def test_dates_move_as_those_of_the_header() -> None:
    items = (content("DATETIME", START, "20220510235500"), content("DATE", LOCAL, "20220510"))
    low = kept(cleaning("low"), *items)
    assert list(map(value, low)) == ["20220130235500", "20220130"]
    assert value(kept(cleaning("high"), *items)[0]) == "19000101000500"
    assert value(kept(cleaning("basic"), *items)[0]) == "19000101000000"
    retained = kept(cleaning("basic", "retain_longitudinal_full_dates"), *items)
    assert value(retained[0]) == "20220510235500"
    removed = content("DATETIME", code("DF-0068E", "in a retired scheme", "SNM3"), "20220510")
    assert [len(kept(cleaning(level), removed)) for level in ("low", "high")] == [1, 0]


def test_uids_and_references_are_mapped_as_in_the_header() -> None:
    event = content("UIDREF", named("113769"), "1.2.3.4.5.1.1")
    image = content("IMAGE", None, "1.2.3.4.5.1.1")
    source = content("COMPOSITE", named("121233"), "1.2.3.4.5.1.1")
    evidence = Dataset()
    evidence.StudyInstanceUID = "1.2.3"
    evidence.ReferencedSeriesSequence = Sequence([Dataset()])
    evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence = image.ReferencedSOPSequence
    header = report(event, image, source, SOPInstanceUID="1.2.3.4.5.1.1")
    header.CurrentRequestedProcedureEvidenceSequence = Sequence([evidence])
    header.PertinentOtherEvidenceSequence = Sequence([evidence])

    cleaned = cleaning("high").clean(header)
    event, image, source = cleaned.ContentSequence
    assert event.UID == cleaned.SOPInstanceUID != "1.2.3.4.5.1.1"
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == cleaned.SOPInstanceUID
    assert source.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == cleaned.SOPInstanceUID
    assert "1.2.3.4.5" not in str(cleaned)


@pytest.mark.parametrize(
    ("level", "concept", "number", "expected"),
    [
        ("low", named("121033"), ("93", "a"), "90"),
        ("low", named("121033"), ("47", "a"), "47"),
        ("high", named("121033"), ("47", "a"), "45"),
        ("high", named("121033"), ("1130", "mo"), "1080"),
        ("low", WEIGHT, ("72.5", "kg"), "72.5"),
        ("high", WEIGHT, ("72.5", "kg"), "70"),
        ("high", WEIGHT, ("72500", "g"), "70000"),
        ("high", code("50373000", "Patient Height", "SCT"), ("178", "cm"), "175"),
        ("high", named("113830"), ("12.53", "mGy"), "12.53"),
    ],
)
def test_numbers_of_the_patient_follow_the_attribute_that_says_the_same(
    level: str, concept: Dataset, number: tuple[str, str], expected: str
) -> None:
    (left,) = kept(cleaning(level), content("NUM", concept, number))
    assert str(value(left)) == expected


@pytest.mark.parametrize(
    ("level", "concept", "unit"),
    [
        ("high", WEIGHT, "[lb_av]"),
        ("basic", WEIGHT, "kg"),
        ("basic", named("121033"), "a"),
        ("low", named("121033"), "mm"),
    ],
)
def test_a_number_that_cannot_be_generalised_or_may_not_stay_goes(
    level: str, concept: Dataset, unit: str
) -> None:
    assert kept(cleaning(level), content("NUM", concept, ("60", unit))) == []


def test_options_keep_what_they_are_about() -> None:
    items = (
        content("TEXT", named("113880"), "67093"),
        content("TEXT", named("113873"), "Ypsilanti Clinic"),
    )
    assert list(map(value, kept(cleaning("low"), *items))) == ["REMOVED"]
    both = ("retain_device_identity", "retain_institution_identity")
    assert list(map(value, kept(cleaning("low", *both), *items))) == ["67093", "Ypsilanti Clinic"]


def test_values_that_do_not_belong_to_an_item_go() -> None:
    item = content("NUM", named("113830"), ("12.5", "mGy"))
    item.TextValue, item.PersonName, item.DateTime = "of Miller", "Miller^Bob", "20220510"
    item.private_block(0x0099, "SITE", create=True).add_new(1, "LO", "Miller")
    (left,) = kept(cleaning("low"), item)
    assert value(left) == 12.5
    assert not {"TextValue", "PersonName", "DateTime"} & {element.keyword for element in left}
    assert "Miller" not in str(left)


def test_items_without_a_type_and_in_other_sequences_are_judged_alike() -> None:
    untyped = content("PNAME", LOCAL, "Miller^Bob")
    del untyped.ValueType
    header = report()
    header.AcquisitionContextSequence = Sequence(
        [untyped, content("TEXT", named("121022"), "A77120")]
    )
    (left,) = cleaning("high").clean(header).AcquisitionContextSequence
    assert left.PersonName == "REMOVED"


def test_relations_by_reference_point_to_the_same_items_after_removals() -> None:
    accession = content("TEXT", named("121022"), "A77120")
    first = content("NUM", named("113830"), ("1", "mGy"))
    second = content("NUM", named("113830"), ("2", "mGy"))
    relations = [by_reference(*path) for path in ((1, 2, 2), (1, 1), (1, 2, 1), (1, 9), (1, 2, 5))]
    inner = content("CONTAINER", CONTAINER, None, accession, first, second, *relations)

    (left,) = kept(cleaning("low"), accession, inner)
    numbers = [
        list(item.ReferencedContentItemIdentifier)
        for item in left.ContentSequence
        if "ReferencedContentItemIdentifier" in item
    ]
    assert numbers == [[1, 1, 1]]
    assert [str(value(item)) for item in left.ContentSequence[:2]] == ["1", "2"]


def test_who_verified_and_who_took_part_is_not_said() -> None:
    observer = Dataset()
    observer.VerifyingObserverName = "Miller^Bob"
    observer.VerifyingOrganization = "Ypsilanti Clinic"
    observer.VerificationDateTime = "20220510120000"
    observer.VerifyingObserverIdentificationCodeSequence = Sequence([LOCAL])
    header = report(VerificationFlag="VERIFIED", CompletionFlagDescription="by Bob Miller")
    header.VerifyingObserverSequence = Sequence([observer])
    header.ParticipantSequence = header.AuthorObserverSequence = Sequence([observer])

    cleaned = cleaning("low").clean(header)
    (left,) = cleaned.VerifyingObserverSequence
    assert (left.VerifyingObserverName, left.VerifyingOrganization) == ("REMOVED", "REMOVED")
    assert left.VerificationDateTime == "20220130120000"
    assert "ParticipantSequence" not in cleaned
    assert "Miller" not in str(cleaned)
    assert "Ypsilanti" not in str(cleaned)


def test_without_the_option_no_content_is_left_and_nothing_is_claimed() -> None:
    header = report(content("NUM", named("113830"), ("12.5", "mGy")))
    cleaned = anonymizer("low").clean(header)
    assert "ContentSequence" not in cleaned
    claimed = [
        {item.CodeValue for item in one.DeidentificationMethodCodeSequence}
        for one in (cleaned, cleaning("low").clean(header))
    ]
    assert ["113104" in codes for codes in claimed] == [False, True]


def test_every_concept_of_the_table_is_named_once() -> None:
    rows = load_table(TABLE)
    assert len({(row["scheme"], row["code"], row["value_type"]) for row in rows}) == 211


@pytest.mark.parametrize(
    ("scheme", "value", "expected"),
    [
        ("99SITE", "bmiller", "REMOVED"),
        ("99SITE", "PID-77120", "REMOVED"),
        ("L", "Miller, B", "REMOVED"),
        ("99SITE", "T1-HEAD-7", "T1-HEAD-7"),
        ("99SITE", "2001", "2001"),
        ("99SITE", "7712034", "REMOVED"),
        ("SCT", "12738006", "12738006"),
        ("DCM", "CTPROTOCOL", "CTPROTOCOL"),
        ("DCM", "bmiller", "REMOVED"),
        ("UCUM", "{events}/min", "{events}/min"),
        ("SRT", "R-404FA", "R-404FA"),
    ],
)
def test_codes_of_a_site_that_are_words_are_not_told(
    scheme: str, value: str, expected: str
) -> None:
    entry = code(value, "a meaning", scheme)
    items = (content("CODE", named("121058"), entry), content("NUM", entry, ("1", "mm")))
    coded, number = kept(cleaning("low"), *items)
    assert coded.ConceptCodeSequence[0].CodeValue == expected
    assert number.ConceptNameCodeSequence[0].CodeValue == expected


def test_what_is_no_part_of_a_report_does_not_stay_in_it() -> None:
    item = content("NUM", named("113830"), ("1", "mGy"))
    for holder in (item, item.MeasuredValueSequence[0], item.ConceptNameCodeSequence[0]):
        holder.SequenceName, holder.ImplantName, holder.FilterType = "Miller", "Miller", "Miller"
        holder.CodingSchemeVersion, holder.RelationshipType = "by Miller", "MILLER"
    header = report(item, HL7StructuredDocumentReferenceSequence=Sequence([item]))
    for keyword in ("Current", "Pertinent"):
        name = {"Current": "CurrentRequestedProcedure", "Pertinent": "PertinentOther"}[keyword]
        setattr(header, f"{name}EvidenceSequence", Sequence([item]))
    assert "miller" not in str(cleaning("low").clean(header)).lower()


def test_templates_are_named_by_their_number() -> None:
    header = report(content("NUM", named("113830"), ("1", "mGy")))
    templates = []
    for identifier in ("10011", "MILLER_B"):
        template = Dataset()
        template.MappingResource, template.TemplateIdentifier = "DCMR", identifier
        templates.append(template)
    header.ContentTemplateSequence = Sequence(templates)
    cleaned = cleaning("low").clean(header).ContentTemplateSequence
    assert [item.TemplateIdentifier for item in cleaned] == ["10011", "REMOVED"]
    assert {item.MappingResource for item in cleaned} == {"DCMR"}


def test_a_profile_that_keeps_text_does_not_claim_that_content_is_clean() -> None:
    low = load_profile("low")
    profile = low.model_copy(update={"options": (*low.options, "clean_structured_content")})
    kept_text = Deviation(attribute="TextValue", action="keep", reason="for readers")
    header = report(
        content("TEXT", LOCAL, "PID-77120 of Bob"), content("TEXT", named("121022"), "A")
    )

    (left,) = anonymizer(profile.deviating((kept_text,))).clean(header).ContentSequence
    assert left.TextValue == " of Bob".strip()
    claims = [anonymizer(one).clean(header) for one in (profile, profile.deviating((kept_text,)))]
    assert [header.PatientIdentityRemoved for header in claims] == ["YES", "NO"]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
@pytest.mark.parametrize("level", ["basic", "low", "high"])
def test_a_report_has_no_error_that_its_source_has_not(level: str, tmp_path: Path) -> None:
    observer = Dataset()
    observer.VerifyingObserverName, observer.VerifyingOrganization = "Miller^Bob", "Clinic"
    observer.VerificationDateTime = "20220510"
    observer.VerifyingObserverIdentificationCodeSequence = Sequence([LOCAL])
    header = report(
        content("TEXT", named("121022"), "A77120"),
        content("PNAME", named("121008"), "Miller^Bob"),
        content("TEXT", named("121071"), "of Bob"),
        content("DATETIME", START, "20220510"),
        content("NUM", named("121033"), ("62", "a")),
        content("CONTAINER", CONTAINER, None, content("TEXT", named("121022"), "A77120")),
        VerificationFlag="VERIFIED",
        VerifyingObserverSequence=Sequence([observer]),
    )
    errors = [
        set(conformance_errors(save(one, tmp_path / f"{number}.dcm")))
        for number, one in enumerate((header, cleaning(level).clean(header)))
    ]
    assert errors[1] <= errors[0]


def conformance_errors(path: Path) -> list[str]:
    """The errors of a file that dciodvfy finds."""
    result = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    lines = (result.stdout + result.stderr).splitlines()
    return [line for line in lines if line.startswith("Error")]
