"""A patient's own identifiers are cut out of text, however they are written; the rest stays."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from deidflow.header.csa import scrub_csa
from deidflow.header.text import Scrubber
from tests.headers import anonymizer, cleaner
from tests.synthetic import as_file, mr_instance

OWN = (
    ("name", "Müller-Lüdenscheidt^Jörg Kim"),
    ("number", "00077-120"),
    ("date", "20220510"),
    ("text", "St. Example Hospital"),
)
SCRUBBER = Scrubber.of(OWN)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("scan of MULLER-LUDENSCHEIDT today", "scan of  today"),
        ("Mueller-Luedenscheidt, Joerg", ""),
        ("LUDENSCHEIDT MULLERLUDENSCHEIDT J. Kim2 JKim DrKim", "J. 2"),
        ("T1 Kim SAG", "T1  SAG"),
        ("kimono", "kimono"),
        ("id 77120 and 0077120 and 77-120 and 000 77120", "id  and  and  and "),
        ("177120 77121", "177120 77121"),
        (
            "20220510 2022-05-10 2022/5/10 10.05.2022 05/10/2022 10 May 2022 May 10, 2022 10.5.22",
            "       ",
        ),
        ("20220511 2022-05-100", "20220511 2022-05-100"),
        ("at st. example  hospital", "at "),
        ("JOERGKIM", ""),
        ("nothing of it", "nothing of it"),
    ],
)
def test_in_every_style(text: str, kept: str) -> None:
    assert SCRUBBER.clean(text).split() == kept.split()
    assert not SCRUBBER.finds(SCRUBBER.clean(text))


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 192", "山田^太郎"),
        ("GB18030", "王^小东"),
        ("\\ISO 2022 IR 149", "김^희중"),
        ("ISO_IR 144", "Люкceмбypг^Иван"),
    ],
)
def test_in_each_character_set_of_the_file(charset: str, name: str) -> None:
    parts = name.split("^")
    header = mr_instance(SpecificCharacterSet=charset.split("\\"))
    header.Manufacturer = f"ACME {parts[0]}"
    cleaned = anonymizer("low", scrubber=Scrubber.of((("name", name),))).clean(header)
    assert parts[0] not in str(cleaned.Manufacturer)
    assert "ACME" in str(cleaned.Manufacturer)


def test_text_behind_a_nul_is_no_text() -> None:
    cleaned = anonymizer("low").clean(mr_instance(Manufacturer="ACME\0hidden words"))
    assert cleaned.Manufacturer == "ACME"


def test_codes_stay_codes() -> None:
    header = mr_instance(
        BodyPartExamined="HEAD", PatientPosition="HFS", ScanOptions=["PFP", "Operator Smith"]
    )
    header.Laterality = "Left of Smith"
    cleaned = anonymizer("low").clean(header)
    assert (cleaned.BodyPartExamined, cleaned.PatientPosition) == ("HEAD", "HFS")
    assert "Smith" not in str(cleaned)


def test_a_csa_header_keeps_its_length_and_loses_who_it_is() -> None:
    text = (
        b'SV10\4\3\2\1 <ParamString."tPatientName">  { "Doe^Unknown" } <ParamString."PatientID"> { "A1" }\n'
        b'### ASCCONV BEGIN ###\ntPatientName = "Doe"\nsProtConsistencyInfo.flNominalB0 = 2.89\n'
        b'tReferenceImage0 = "1.3.12.2.1107.5.2.43.66012.3000001"\nlContrasts = 1\n### ASCCONV END ###\n'
        b"of J\xf6rg Kim on 20220510 and 20191231101112.5 "
        b"!patient name := DOE^J\r\n%study date (yyyy:mm:dd):=2022:05:10\r\n"
        + "Kim".encode("utf-16-le")
        + b"\0 end"
    )
    done = scrub_csa(text, SCRUBBER)
    assert len(done) == len(text)
    for gone in (
        b"Doe",
        b"DOE",
        b'"A1"',
        b"66012",
        b"20220510",
        b"20191231",
        b"Kim",
        b"2022:05:10",
        "Kim".encode("utf-16-le"),
    ):
        assert gone not in done, gone
    for kept in (b"SV10", b"flNominalB0 = 2.89", b"lContrasts = 1", b"ASCCONV END", b" end"):
        assert kept in done, kept


def test_csa_headers_go_unless_a_profile_scrubs_them() -> None:
    from deidflow.header.load_profile import load_profile
    from deidflow.header.rules import compile_profile
    from tests.headers import Anonymizer, cleaner

    header = mr_instance()
    block = header.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", b"SV10 Zimmerquast PID-77120 ")
    assert 0x00291010 not in anonymizer("low").clean(header)
    inner = cleaner("low")
    inner.rules = compile_profile(load_profile("low").model_copy(update={"csa": "scrub"}))
    assert (
        Anonymizer(inner).clean(header)[0x00291010].value.rstrip(b" \0")
        == b"SV10 XXXXXXXXXXX XXXX00000"
    )


def test_nested_names_in_unlisted_attributes() -> None:
    item = Dataset()
    item.Manufacturer = "made for Zimmerquast"
    header = mr_instance()
    header.MRReceiveCoilSequence = [item]
    assert anonymizer("high").clean(header).MRReceiveCoilSequence[0].Manufacturer == "made for"


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("MEYER-LANSKY^ANNA-LENA", ["LANSKY", "MEYERLANSKY", "Anna Lena", "lena"]),
        ("O'SHAUGHNESSY^PAT", ["OSHAUGHNESSY", "Shaughnessy"]),
        ("Li^Na", ["LI^NA", "Na, Li", "LINA"]),
        ("ΠΑΠΑΔΟΠΟΥΛΟΣ^ΓΙΩΡΓΟΣ", ["ΓΙΩΡΓΟΣ", "Γιώργος"]),
        ("Wałęsa^Łukasz", ["WALESA", "Lukasz"]),
        ("MUELLER^JUERGEN", ["Müller", "jürgen"]),
        ("IŞIK^Yıldız", ["YILDIZ", "ışık"]),
        ("SMITH^JOHN", ["SMITH2", "JSMITH", "SmithJ", "DrSmith"]),
        ("김^희수", ["김희수"]),
    ],
)
def test_names_in_the_forms_people_write(name: str, texts: list[str]) -> None:
    scrubber = Scrubber.of((("name", name),))
    for text in texts:
        assert not any(map(str.isalpha, scrubber.clean(text))), text


@pytest.mark.parametrize(
    "text", ["20220510101112", "220510", "10. Mai 2022", "10 de mayo de 2022", "2022-05-10T10:11"]
)
def test_dates_with_times_and_months_of_other_languages(text: str) -> None:
    assert "2022" not in SCRUBBER.clean(text)
    assert "220510" not in SCRUBBER.clean(text)


def test_all_values_and_nested_ones_identify() -> None:
    from deidflow.dicom.skim import Skimmer
    from tests.synthetic import as_file

    item = Dataset()
    item.PatientID = "NESTED-7"
    header = mr_instance(OtherPatientNames=["One^A", "Third^C"], OtherPatientIDsSequence=[item])
    content = as_file(header)
    skimmed = Skimmer().read(content, len(content))
    assert skimmed is not None
    assert {("name", "Third^C"), ("id", "NESTED-7"), ("birth", "19600412")} <= set(
        skimmed[0].identifiers
    )


def test_packed_private_values_go() -> None:
    import gzip

    header = mr_instance()
    block = header.private_block(0x2001, "Philips Imaging DD 097", create=True)
    block.add_new(0x2F, "OB", gzip.compress(b"Zimmerquast", mtime=0) + b"\0")
    assert 0x2001102F not in anonymizer("low").clean(header)


def test_text_under_a_numeric_vr_goes() -> None:

    content = as_file(mr_instance(SoftwareVersions="Zimmerquast!"))
    planted = content.replace(b"\x18\x00\x20\x10LO", b"\x18\x00\x20\x10UL")
    assert planted != content
    assert b"Zimmerquast" not in b"".join(cleaner("low").file(planted))


@pytest.mark.parametrize(
    ("meaning", "kept"),
    [("Magnetic Resonance", "Magnetic Resonance"), ("ACE inhibitor", "ACE inhibitor"),
     ("Brain of Zimmerquast", "Brain"), ("Smith's own", "REMOVED")],
)  # fmt: skip
def test_meanings_of_the_standard_stay_and_others_lose_what_is_no_word(
    meaning: str, kept: str
) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "113100", "DCM", meaning
    header = mr_instance(AnatomicRegionSequence=[item])
    assert anonymizer("low").clean(header).AnatomicRegionSequence[0].CodeMeaning == kept
