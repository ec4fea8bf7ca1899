"""What is planted in the content of a cleaned report is found, and named by its concept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.header.load_profile import load_profile
from deidflow.verifier.attributes import AttributeCheck
from deidflow.verifier.claims import Claims, promise_of
from deidflow.verifier.content import ContentCheck
from deidflow.verifier.findings import Check
from deidflow.verifier.reader import read_instance
from tests.headers import anonymizer
from tests.reports import by_reference, code, content, reference, report
from tests.synthetic import as_file

Plant = Callable[[Dataset], object]
OPTION = "113104"
WEIGHT = code("29463-7", "Patient Weight", "LN")


def named(number: str) -> Dataset:
    return code(number, "Finding")


def cleaned(level: str) -> Dataset:
    """A report as the cleaner leaves it."""
    profile = load_profile(level)
    options = (*profile.options, "clean_structured_content")
    return anonymizer(profile.model_copy(update={"options": options})).clean(
        report(
            content("PNAME", named("121008"), "Miller^Bob"),
            content("PNAME", code("X1", "Signed by Bob", "99SITE"), "Miller^Bob"),
            content("TEXT", named("121030"), "PID-77120"),
            content("TEXT", named("121022"), "A77120"),
            content("TEXT", named("121071"), "T2 lesion of Bob Miller"),
            content("TEXT", named("121014"), "Quasimed"),
            content("DATETIME", named("113809"), "20220510235500"),
            content("UIDREF", named("113769"), "1.2.3.4"),
            content("NUM", named("121033"), ("62", "a")),
            content("NUM", WEIGHT, ("72.5", "kg")),
            content("CODE", named("121071"), code("12738006", "Brain", "SCT")),
            content(
                "CONTAINER",
                code("113819", "CT Acquisition"),
                None,
                content("NUM", named("113830"), ("12.5", "mGy")),
                by_reference(1, 2),
            ),
        )
    )


def found(header: Dataset, level: str = "low", codes: tuple[str, ...] = (OPTION,)) -> set[str]:
    """Check and attribute of what is found in a report."""
    promise = promise_of(level)
    promise = replace(promise, codes=promise.codes | set(codes))
    claims = Claims(promise, level, is_ours=True)
    instance = read_instance(as_file(header))
    marks = [
        *ContentCheck(claims, promise.codes).marks_of(instance),
        *AttributeCheck(claims, promise.codes).marks_of(instance),
    ]
    return {f"{mark.check.value}: {mark.attribute}" for mark in marks}


def add(*items: Dataset) -> Plant:
    """Add content items inside of a container."""

    def plant(header: Dataset) -> None:
        header.ContentSequence[-1].ContentSequence.extend(items)

    return plant


def put(item: Dataset, **values: object) -> Plant:
    """Add a content item with further attributes."""
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return add(item)


def evidence(header: Dataset) -> None:
    """Evidence that names the source's instance and the place where it is kept."""
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID, series.RetrieveAETitle = "2.25.1", "PACS"
    series.ReferencedSOPSequence = Sequence([reference("1.2.3.4.5.1.1")])
    study.StudyInstanceUID = "2.25.2"
    study.ReferencedSeriesSequence = Sequence([series])
    header.PertinentOtherEvidenceSequence = Sequence([study])


INNER = "ContentSequence/ContentSequence"
PLANTED = [
    (add(content("TEXT", named("121022"), "T1")), f"forbidden attribute: {INNER} (121022, DCM)"),
    (add(content("NUM", named("121022"), ("7", "1"))), f"{INNER} (121022, DCM)"),
    (add(content("DATE", named("121031"), "19000101")), f"{INNER} (121031, DCM)"),
    (add(content("IMAGE", named("121080"), "2.25.1")), f"{INNER} (121080, DCM)"),
    (add(content("PNAME", named("121008"), "Quark^Odo")), f"{INNER} (121008, DCM)"),
    (add(content("PNAME", None, "Quark^Odo")), f"forbidden attribute: {INNER}/PersonName"),
    (add(content("TEXT", named("121030"), "77120")), f"{INNER} (121030, DCM)"),
    (add(content("TEXT", named("121071"), "of Quark")), f"text: {INNER} (121071, DCM)"),
    (add(content("TEXT", code("X1", "T1", "99S"), "of Quark")), f"identifying text: {INNER}"),
    (add(content("TEXT", named("121014"), "Dr. Quark")), f"text: {INNER}/TextValue"),
    (
        add(content("CODE", named("121071"), code("1", "by Quark", "99S"))),
        f"{INNER}/ConceptCodeSequence/CodeMeaning",
    ),
    (
        add(content("NUM", code("X1", "Quark's dose", "99S"), ("1", "mm"))),
        f"{INNER}/ConceptNameCodeSequence/CodeMeaning",
    ),
    (put(content("NUM", named("113830"), ("1", "mGy")), TextValue="T1"), f"{INNER}/TextValue"),
    (add(content("UIDREF", named("113769"), "1.2.3.4")), f"uid: {INNER}/UID"),
    (add(by_reference(1, 77)), f"reference: {INNER}/ReferencedContentItemIdentifier"),
    (add(content("NUM", named("121033"), ("97", "a"))), f"{INNER} (121033, DCM)"),
    (lambda header: setattr(header, "CompletionFlagDescription", "by Quark"), "CompletionFlag"),
    (
        add(content("CODE", named("121071"), code("bquark", "T1", "99S"))),
        f"text: {INNER}/ConceptCodeSequence/CodeValue",
    ),
    (
        add(content("CODE", named("121071"), code("7712034", "T1", "99S"))),
        f"text: {INNER}/ConceptCodeSequence/CodeValue",
    ),
    (
        put(content("NUM", named("113830"), ("1", "mm")), RelationshipType="QUARK"),
        f"text: {INNER}/RelationshipType",
    ),
    (
        put(content("NUM", named("113830"), ("1", "mm")), SequenceName="T1"),
        f"forbidden attribute: {INNER}/SequenceName",
    ),
    (evidence, "PertinentOtherEvidenceSequence/ReferencedSeriesSequence/RetrieveAETitle"),
]


@pytest.mark.parametrize("level", ["low", "high"])
def test_a_cleaned_report_has_no_finding(level: str) -> None:
    assert found(cleaned(level), level) == set()


@pytest.mark.parametrize(("plant", "attribute"), PLANTED)
def test_what_is_planted_is_found(plant: Plant, attribute: str) -> None:
    header = cleaned("low")
    plant(header)
    findings = found(header)
    assert any(attribute in finding for finding in findings)
    assert not any("Quark" in finding or "77120" in finding for finding in findings)


@pytest.mark.parametrize(
    "item",
    [
        content("NUM", named("121033"), ("62", "a")),
        content("NUM", WEIGHT, ("72.5", "kg")),
        content("NUM", WEIGHT, ("70", "[lb_av]")),
        content("DATETIME", named("113809"), "20220130235500"),
    ],
)
def test_level_high_asks_for_more(item: Dataset) -> None:
    header = cleaned("high")
    add(item)(header)
    assert any(finding.startswith(("forbidden", "date")) for finding in found(header, "high"))


def test_a_meaning_of_the_standard_is_nobodys_name() -> None:
    header = cleaned("low")
    breed = code("132507005", "Saint Bernard dog (organism)", "SCT")
    frank = code("10:11345", "Frank XYZ lead system", "MDC")
    add(*(content("CODE", named("121071"), entry) for entry in (breed, frank)))(header)
    assert found(header) == set()


def test_content_of_which_nobody_says_that_it_was_cleaned() -> None:
    marks = found(cleaned("low"), codes=())
    assert f"{Check.FORBIDDEN.value}: ContentSequence" in marks
