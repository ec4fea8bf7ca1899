"""The trail of a file names each attribute, what happened to it and why, and both values."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from deidflow.header.comparison import AttributeChange, Comparison
from deidflow.header.load_profile import load_profile
from deidflow.header.profile import Profile
from tests.headers import cleaner
from tests.reports import code, content, report
from tests.synthetic import as_file, mr_instance

ITEM = "AnatomicRegionSequence[1]"


def changes(
    header: Dataset, level: str | Profile = "high", files: int = 1
) -> dict[str, AttributeChange]:
    """What became of the attributes of the last of some equal files."""
    traced = cleaner(level)
    traced.is_traced = True
    for _ in range(files):
        traced.header(as_file(header))
    trail = traced.trail
    assert trail is not None
    comparison = Comparison(trail.elements)
    rows = [
        row
        for fate in (*trail.level.fates, *trail.varied)
        for row in comparison.changes(trail.level, fate)
    ]
    return {row.attribute: row for row in rows}


def with_region(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return mr_instance(AnatomicRegionSequence=[item])


@pytest.mark.parametrize(
    ("attribute", "action", "reason"),
    [
        ("PatientName", "pseudonym", "profile: PatientName"),
        ("SOPInstanceUID", "uid", "PS3.15 2026d E.1-1: U"),
        ("StationName", "dummy", "PS3.15 2026d E.1-1: X"),
        ("Rows", "kept", "not in PS3.15 2026d E.1-1: by its VR US"),
        ("PatientIdentityRemoved", "added", "PS3.15 E.1.1"),
    ],
)
def test_an_attribute_has_its_action_and_the_line_that_asks_for_it(
    attribute: str, action: str, reason: str
) -> None:
    row = changes(mr_instance(StationName="MR3"))[attribute]

    assert row.action == action
    assert row.reason.startswith(reason)


def test_values_are_those_before_and_after() -> None:
    row = changes(mr_instance())["PatientName"]

    assert row.before is not None
    assert row.after is not None
    assert row.before.strip() == b"Zimmerquast^Adelheid"
    assert row.after.strip() == b"P001"


@pytest.mark.parametrize("files", [1, 3])
def test_an_attribute_in_a_sequence_is_named_by_its_path(files: int) -> None:
    header = with_region(CodeValue="T-D1100", CodeMeaning="seen by Zimmerquast")
    rows = changes(header, files=files)

    assert rows["AnatomicRegionSequence"].action == "item by item"
    assert rows[f"{ITEM}/CodeMeaning"].before == b"seen by Zimmerquast "
    assert f"{ITEM}/CodeValue" not in rows


def test_a_sequence_in_which_nothing_changed_is_one_row() -> None:
    rows = changes(with_region(CodeValue="T-D1100"))

    assert rows["AnatomicRegionSequence"].action == "kept"
    assert not [name for name in rows if name.startswith(ITEM)]


def test_a_sequence_that_goes_is_one_row() -> None:
    item = Dataset()
    item.PatientID = "PID-77120"
    rows = changes(mr_instance(OtherPatientIDsSequence=[item]))

    assert rows["OtherPatientIDsSequence"].action == "removed"
    assert b"PID-77120" in (rows["OtherPatientIDsSequence"].before or b"")


@pytest.mark.parametrize(
    ("creator", "name"),
    [
        ("SIEMENS MR HEADER", "0019,[SIEMENS MR HEADER]0a"),
        ("DR ZIMMERQUAST", "0019,[?]0a"),
    ],
)
def test_only_known_private_creators_are_named(creator: str, name: str) -> None:
    header = mr_instance()
    block = header.private_block(0x0019, creator, create=True)
    block.add_new(0x0A, "LO", "seen by Zimmerquast")

    assert changes(header)[name].action == "removed"


def test_implicit_vr_has_the_same_trail() -> None:
    header = with_region(CodeValue="T-D1100", CodeMeaning="seen by Zimmerquast")
    explicit = changes(header)
    header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    implicit = changes(header)

    assert {name: row.action for name, row in implicit.items()} == {
        name: row.action for name, row in explicit.items()
    }


def test_without_a_trace_nothing_is_kept() -> None:
    plain = cleaner("high")
    plain.header(as_file(mr_instance()))

    assert plain.trail is None


def test_with_and_without_a_trace_the_same_bytes_come_out() -> None:
    traced, plain = cleaner("low"), cleaner("low")
    traced.is_traced = True
    for number in range(4):
        content = as_file(mr_instance(InstanceNumber=str(number)))
        assert b"".join(traced.header(content)) == b"".join(plain.header(content))


def test_a_content_item_has_the_line_of_its_concept() -> None:
    low = load_profile("low")
    options = (*low.options, "clean_structured_content")
    name = content("PNAME", code("121008", "Person Observer Name"), "Miller^Bob")
    name.ConceptNameCodeSequence[0].SequenceName = "Miller"
    accession = content("TEXT", code("121022", "Accession Number"), "A77120")
    rows = changes(report(accession, name), low.model_copy(update={"options": options}))

    gone = rows["ContentSequence[1]/TextValue"]
    assert (gone.action, gone.after) == ("removed", None)
    assert gone.reason == "PS3.15 2026a E.3.4-1: Accession Number: X"
    replaced = rows["ContentSequence[2]/PersonName"]
    assert replaced.action == "dummy"
    assert replaced.reason == "PS3.15 2026a E.3.4-1: Person Observer Name: D"
    foreign = rows["ContentSequence[2]/ConceptNameCodeSequence[1]/SequenceName"]
    assert foreign.reason == "PS3.3 C.17: not an attribute of reports"
