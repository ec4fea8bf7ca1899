"""Codes, terms and physical quantities stay, whoever's name or number they equal."""

from __future__ import annotations

import io
import math
import struct

import pydicom
import pytest
from pydicom.dataset import Dataset

from deidflow.header.descriptions import diffusion_comment
from deidflow.header.text import Scrubber
from tests.headers import anonymizer, cleaner
from tests.synthetic import as_file, mr_instance

TERMS = [
    ("PatientPosition", "HFS"),
    ("InPlanePhaseEncodingDirection", "ROW"),
    ("BodyPartExamined", "BRAIN"),
    ("PatientSex", "M"),
    ("PhotometricInterpretation", "MONOCHROME2"),
    ("MRAcquisitionType", "3D"),
    ("AngioFlag", "N"),
]


@pytest.mark.parametrize(("keyword", "term"), TERMS)
@pytest.mark.parametrize("kind", ["name", "id"])
def test_a_defined_term_stays_although_the_patient_is_called_so(
    keyword: str, term: str, kind: str
) -> None:
    scrubber = Scrubber.of(((kind, term),))
    cleaned = anonymizer("high", scrubber=scrubber).clean(mr_instance(**{keyword: term}))
    assert cleaned[keyword].value == term


def test_a_name_in_a_code_string_goes() -> None:
    scrubber = Scrubber.of((("name", "Zimmerquast^Jo"),))
    cleaned = anonymizer("high", scrubber=scrubber).clean(
        mr_instance(BodyPartExamined="ZIMMERQUAST")
    )
    assert cleaned.BodyPartExamined == "REMOVED"


@pytest.mark.parametrize("number", ["100", "192", "2022"])
@pytest.mark.parametrize(
    "charset", ["ISO_IR 100", "ISO_IR 192", "ISO 2022 IR 87", "ISO 2022 IR 6, IS", "GB18030"]
)
def test_the_character_set_stays(number: str, charset: str) -> None:
    scrubber = Scrubber.of((("id", number),))
    content = as_file(mr_instance(SpecificCharacterSet="ISO_IR 100"))
    written = charset.encode() + b" " * (len(charset) & 1)
    content = content.replace(b"CS\x0a\0ISO_IR 100", b"CS" + bytes((len(written), 0)) + written)
    released = b"".join(cleaner("low", scrubber=scrubber).header(content))
    assert b"CS" + bytes((len(written), 0)) + written in released


def test_a_code_value_stays_but_not_with_a_name() -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-A0100", "SRT", "Head"
    named = Dataset()
    named.CodeValue, named.CodingSchemeDesignator, named.CodeMeaning = (
        "ZIMMERQUAST",
        "99LOCAL",
        "Head",
    )
    header = mr_instance()
    header.AnatomicRegionSequence = [code, named]
    scrubber = Scrubber.of((("id", "0100"), ("name", "Zimmerquast^Jo")))
    cleaned = anonymizer("low", scrubber=scrubber).clean(header).AnatomicRegionSequence
    assert [item.CodeValue for item in cleaned] == ["T-A0100", "REMOVED"]


def siemens(low: int, vr: str, value: object) -> Dataset:
    header = mr_instance()
    header.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(low, vr, value)
    return anonymizer("high").clean(header)


def test_a_gradient_with_a_component_next_to_zero_keeps_its_direction() -> None:
    direction = [1.0, -2.05e-10, 6e-17]
    assert list(siemens(0x0E, "FD", direction)[0x0019100E].value) == direction


def test_a_component_that_is_no_number_of_physics_goes_alone() -> None:
    x, y, z = siemens(0x0E, "FD", [0.6, 1e30, 0.8])[0x0019100E].value
    assert (x, z) == (0.6, 0.8)
    assert math.isnan(y)


def test_text_under_a_numeric_vr_goes() -> None:
    text = struct.unpack("<3d", b"ZIMMERQUAST ADELHEID    ")
    assert 0x0019100E not in siemens(0x0E, "FD", list(text))


def test_a_text_of_numbers_loses_only_what_is_no_number() -> None:
    header = mr_instance()
    header.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0B, "DS", "1.5")
    content = as_file(header)
    assert anonymizer("high").clean(header)[0x0019100B].value == 1.5
    broken = content.replace(b"1.5 ", b"KIM ")
    cleaned = pydicom.dcmread(io.BytesIO(b"".join(cleaner("high").header(broken))))
    assert 0x0019100B not in cleaned


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("b=1500(0.445,0.000,0.895)", "b=1500(0.445,0.000,0.895)"),
        ("b=0(0,0,0)", "b=0(0.000,0.000,0.000)"),
        ("b=1500(0.445,0.000,0.895) Zimmerquast", ""),
        ("b=19600412(0.1,0.2,0.3)", ""),
        ("b=1500(12,4,1960)", ""),
    ],
)
def test_diffusion_in_an_image_comment_is_written_from_its_numbers(comment: str, kept: str) -> None:
    assert diffusion_comment(comment) == kept
    cleaned = anonymizer("high").clean(mr_instance(ImageComments=comment))
    assert str(cleaned.get("ImageComments", "")).startswith(kept)


def test_required_texts_get_a_dummy() -> None:
    header = mr_instance()
    item = Dataset()
    item.LUTLabel, item.LUTExplanation = "of Zimmerquast", "of Zimmerquast"
    header.RealWorldValueMappingSequence = [item]
    (mapping,) = anonymizer("low").clean(header).RealWorldValueMappingSequence
    assert (mapping.LUTLabel, mapping.LUTExplanation) == ("REMOVED", "REMOVED")


def test_a_long_value_of_implicit_vr_is_written_as_unknown_in_explicit_vr() -> None:
    values = "\\".join(["12.5"] * 14_000)
    header = mr_instance()
    header.add_new(0x0018_1405, "IS", "1")
    header.add_new(0x0040_A30A, "DS", values.split("\\"))
    content = as_file(header, "1.2.840.10008.1.2")
    released = b"".join(cleaner("low").header(content))
    assert pydicom.dcmread(io.BytesIO(released))[0x0040A30A].VR in ("UN", "DS")
    assert values.encode() in released
