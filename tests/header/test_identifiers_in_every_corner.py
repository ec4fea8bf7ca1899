"""Nothing of a patient stays, wherever it stands in a header."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.errors import ConfigError
from deidflow.header.edit import encoded_elements
from deidflow.header.file_meta import new_file_meta
from deidflow.header.load_profile import load_profile
from deidflow.header.markers import mark_defaced
from deidflow.header.selectors import tag_of
from deidflow.resources import load_table
from tests.headers import anonymizer
from tests.synthetic import mr_instance

LEVELS = pytest.mark.parametrize("level", ["low", "high"])


def written(header: Dataset) -> bytes:
    elements = encoded_elements(header)
    content = b"".join(elements[tag] for tag in sorted(elements))
    meta = new_file_meta(content, "1.2.840.10008.1.2.1", explicit=True)
    return b"".join((*meta, content))


def with_identifiers_everywhere() -> Dataset:
    name = "Zimmerquast"
    header = mr_instance(
        PatientComments=name,
        ImageComments=f"of {name}",
        PatientAddress=name,
        OtherPatientNames=name,
    )
    header.ReferringPhysicianName = header.OperatorsName = "Doctor^Ypsilanti"
    header.InstitutionName, header.StationName, header.DeviceSerialNumber = (
        "Ypsilanti Clinic",
        "Ypsilanti1",
        "Ypsilanti2",
    )
    header.RequestedProcedureDescription, header.ReceiveCoilName = f"MRI {name}", f"Head_{name}"
    inner, middle, outer = Dataset(), Dataset(), Dataset()
    inner.PatientName, inner.TextValue, inner.CodeMeaning = (
        name,
        f"note on {name}",
        f"head of {name}",
    )
    middle.ContentSequence, middle.CodeMeaning = Sequence([inner]), f"{name} again"
    outer.AnatomicRegionSequence, outer.ReferencedPatientSequence = (
        Sequence([middle]),
        Sequence([inner]),
    )
    header.ReferencedImageSequence, header.IconImageSequence = (
        Sequence([outer]),
        Sequence([mr_instance()]),
    )
    header.add_new(0x60000022, "LO", name)
    header.add_new(0x60003000, "OW", name.encode() + b"\0")
    header.add_new(0x50000010, "US", 1)
    header.add_new(0x00080007, "LO", name)
    block = header.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", f"{name} PID-77120".encode())
    header.private_block(0x0011, "ACME", create=True).add_new(0x01, "LO", name)
    header.add_new(0xFFFCFFFC, "OB", name.encode() + b"\0")
    return header


@LEVELS
def test_no_identifier_in_any_byte(level: str) -> None:
    content = written(anonymizer(level).clean(with_identifiers_everywhere())).lower()
    for planted in (
        b"zimmerquast",
        b"adelheid",
        b"pid-77120",
        b"ypsilanti",
        b"19600412",
        b"1.2.3.4.5",
    ):
        assert planted not in content, planted


@LEVELS
def test_overlays_curves_icons_unknown_and_private_elements_are_gone(level: str) -> None:
    cleaned = anonymizer(level).clean(with_identifiers_everywhere())
    groups = {tag.group for tag in cleaned.keys()}
    assert not groups & {0x6000, 0x5000, 0x0029, 0x0011, 0xFFFC}
    assert 0x00080007 not in cleaned
    assert "IconImageSequence" not in cleaned


@LEVELS
def test_every_listed_attribute_that_must_go_is_gone(level: str) -> None:
    """PS3.15 Table E.1-1: code X without a retaining option."""
    profile = load_profile(level)
    deviating = {deviation.attribute for deviation in profile.deviations} | set(profile.dates.keep)
    for row in load_table("standard/ps315_e1_2026d.csv"):
        if (
            row["basic"] != "X"
            or not row["keyword"]
            or row["vr"] not in ("LO", "SH", "LT", "ST", "PN", "AE", "UT")
        ):
            continue
        if row["keyword"] in deviating or row["rtn_patient_chars"] or row["clean_desc"]:
            continue
        header = mr_instance()
        header.add_new(int(row["tag"], 16), row["vr"], "Ypsilanti")
        assert row["keyword"] not in anonymizer(level).clean(header).dir(), row["keyword"]


@LEVELS
def test_descriptions_keep_words_of_acquisition(level: str) -> None:
    cleaned = anonymizer(level).clean(mr_instance())
    assert cleaned.SeriesDescription == "T1 MPRAGE SAG"
    assert cleaned.StudyDescription == "Brain"


def test_a_patient_named_like_a_word_of_acquisition_loses_that_word() -> None:
    from deidflow.header.text import Scrubber

    scrubber = Scrubber.of((("name", "Field^Mary"),))
    cleaned = anonymizer("low", scrubber=scrubber).clean(
        mr_instance(SeriesDescription="Field map FIELD 3T")
    )
    assert cleaned.SeriesDescription == "map 3T"


@LEVELS
def test_image_type_keeps_listed_tokens(level: str) -> None:
    assert list(anonymizer(level).clean(mr_instance()).ImageType) == [
        "ORIGINAL",
        "PRIMARY",
        "M",
        "NONE",
    ]


@LEVELS
def test_uids_are_mapped_everywhere_and_references_stay_intact(level: str) -> None:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.4",
        "1.2.3.4.5.1.1.1",
    )
    header = mr_instance(
        ReferencedImageSequence=Sequence([item]), IrradiationEventUID=["1.2.3.4.5", "1.7.8"]
    )
    cleaned = anonymizer(level).clean(header)
    reference = cleaned.ReferencedImageSequence[0]
    assert reference.ReferencedSOPInstanceUID == cleaned.SOPInstanceUID != header.SOPInstanceUID
    assert reference.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
    assert cleaned.IrradiationEventUID[0] == cleaned.StudyInstanceUID
    assert cleaned.SOPInstanceUID.startswith("2.25.")


@LEVELS
def test_pseudonym_stands_for_name_and_id(level: str) -> None:
    cleaned = anonymizer(level).clean(mr_instance())
    assert (str(cleaned.PatientName), cleaned.PatientID) == ("P001", "P001")


def test_characteristics_are_kept_at_low_and_floored_at_high() -> None:
    low, high = (anonymizer(level).clean(mr_instance()) for level in ("low", "high"))
    assert (str(low.PatientWeight), str(low.PatientSize), low.PatientAge, low.PatientSex) == (
        "72.5",
        "1.78",
        "062Y",
        "F",
    )
    assert (str(high.PatientWeight), str(high.PatientSize), high.PatientAge, high.PatientSex) == (
        "70",
        "1.75",
        "060Y",
        "F",
    )


def test_trigger_times_are_floored_only_where_phases_stay_distinct() -> None:
    header = mr_instance(TriggerTime="23.7")
    assert str(anonymizer("high").clean(header).TriggerTime) == "20"
    assert (
        str(anonymizer("high").for_series(bin_trigger_time=False).clean(header).TriggerTime)
        == "23.7"
    )


def test_private_physics_stay_when_they_are_numbers() -> None:
    header = mr_instance()
    block = header.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0A, "US", 35)
    block.add_new(0x0D, "CS", "NONE")
    block.add_new(0x28, "UN", b"\0\0\0\0\0\0\x24\x40")
    cleaned = anonymizer("high").clean(header)
    assert cleaned[0x0019100A].value == 35
    assert cleaned[0x00191028].value == 10.0
    assert cleaned[0x00190010].value == "SIEMENS MR HEADER"


def test_private_elements_with_text_where_numbers_belong_go() -> None:
    header = mr_instance()
    block = header.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0A, "LO", "Zimmerquast")
    block.add_new(0x0D, "CS", "ZIMMERQUAST")
    assert [tag for tag in anonymizer("high").clean(header).keys() if tag.is_private] == [
        0x00190010
    ]


def test_the_source_header_is_not_changed() -> None:
    header = with_identifiers_everywhere()
    before = written(header)
    anonymizer("high").clean(header)
    assert written(header) == before


def test_markers_say_what_was_done_and_replace_older_ones() -> None:
    old: Any = Dataset()
    old.CodeValue, old.CodingSchemeDesignator, old.CodeMeaning = (
        "113110",
        "DCM",
        "Retain UIDs Option",
    )
    header = mr_instance(
        DeidentificationMethodCodeSequence=Sequence([old]), RecognizableVisualFeatures="NO"
    )
    cleaned = anonymizer("high").clean(header)
    codes = [item.CodeValue for item in cleaned.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107", "113108", "113111", "113105"]
    assert "RecognizableVisualFeatures" not in cleaned
    mark_defaced(cleaned, enhanced=False)
    assert cleaned.DeidentificationMethodCodeSequence[-1].CodeValue == "113102"
    assert (cleaned.RecognizableVisualFeatures, cleaned.ImageType[0]) == ("NO", "DERIVED")


def test_file_meta_and_preamble_hold_nothing_of_the_source() -> None:
    header = anonymizer("high").clean(mr_instance())
    again = dcmread(io.BytesIO(written(header)))
    assert again.preamble == bytes(128)
    assert again.file_meta.MediaStorageSOPInstanceUID == again.SOPInstanceUID
    assert {element.keyword for element in again.file_meta} <= {
        "FileMetaInformationGroupLength", "FileMetaInformationVersion", "MediaStorageSOPClassUID",
        "MediaStorageSOPInstanceUID", "TransferSyntaxUID", "ImplementationClassUID", "ImplementationVersionName",
    }  # fmt: skip


def test_an_unknown_attribute_of_a_profile_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="PatientName"):
        tag_of("PatientNam")


@LEVELS
def test_pixels_nested_in_sequences_are_gone(level: str) -> None:
    header = mr_instance(SourceImageSequence=Sequence([mr_instance()]))
    header.add_new(0x7FE00001, "OV", b"\0" * 8)
    cleaned = anonymizer(level).clean(header)
    assert "PixelData" not in cleaned.SourceImageSequence[0]
    assert not any(tag.group == 0x7FE0 for tag in cleaned.keys())
