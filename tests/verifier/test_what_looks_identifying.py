"""Text that looks as if it came from a person, and text of scanners that does not."""

from __future__ import annotations

import pytest

from deidflow.verifier.suspicion import (
    Suspicion,
    strange_words,
    suspicions_in,
    suspicions_in_binary,
)


@pytest.mark.parametrize(
    ("text", "suspicion"),
    [
        ("Zimmerquast^Adelheid", Suspicion.NAME),
        ("Smith, John", Suspicion.NAME),
        ("SCHMIDT, HANS", Suspicion.NAME),
        ("Dr. Schmidt", Suspicion.NAME),
        ("Mrs Miller", Suspicion.NAME),
        ("HERR MEIER", Suspicion.NAME),
        ("coil of Nora", Suspicion.NAME),
        ("JürgenM", Suspicion.NAME),
        ("12.04.1960", Suspicion.DATE),
        ("1960-04-12", Suspicion.DATE),
        ("04/12/1960", Suspicion.DATE),
        ("20220510", Suspicion.DATE),
        ("12 April 1960", Suspicion.DATE),
        ("Apr 12, 1960", Suspicion.DATE),
        ("+49 170 1234567", Suspicion.TELEPHONE),
        ("(555) 123-4567", Suspicion.TELEPHONE),
        ("555-123-4567", Suspicion.TELEPHONE),
        ("tel. 06221/567890", Suspicion.TELEPHONE),
        ("ext bleep 12345678", Suspicion.TELEPHONE),
        ("bob@clinic.org", Suspicion.EMAIL),
        ("12 High Street", Suspicion.ADDRESS),
        ("Hauptstraße 12", Suspicion.ADDRESS),
        ("rue de Rivoli 12", Suspicion.ADDRESS),
        ("SW1A 1AA", Suspicion.ADDRESS),
        ("123-45-6789", Suspicion.NUMBER),
        ("943 476 5919", Suspicion.NUMBER),
        ("811218-9876", Suspicion.NUMBER),
        ("44051401359", Suspicion.NUMBER),
        ("A123456780", Suspicion.NUMBER),
        ("12345678Z", Suspicion.NUMBER),
        ("RSSMRA85T10A562S", Suspicion.NUMBER),
        ("111.444.777-35", Suspicion.NUMBER),
        ("900101-1234567", Suspicion.NUMBER),
        ("MRN 7712034", Suspicion.LABELLED),
        ("acc no: 1234567", Suspicion.LABELLED),
        ("1.3.12.2.1107.5.2.43.67093", Suspicion.UID),
        ("/home/mueller/scan", Suspicion.PATH),
        (r"C:\Users\mueller", Suspicion.PATH),
    ],
)
def test_text_of_a_person(text: str, suspicion: Suspicion) -> None:
    assert suspicion in suspicions_in(text)
    assert suspicion in suspicions_in(f"scan {text} x")


@pytest.mark.parametrize(
    "text",
    [
        "Philips Ingenia Elition X",
        "MAGNETOM Prisma Fit",
        "GE MEDICAL SYSTEMS",
        r"27\LX\MR Software release:DV26.0_R01_1725.a",
        "syngo MR XA30",
        "5.7.1.2",
        "head^clinical routine",
        "Brain^Routine",
        "HeadNeck_64",
        "*tfl3d1_16ns",
        "DR CHEST",
        "19000101",
        "943 476 5918",
        "44051401358",
        "A123456781",
        "IEC_FIRST_LEVEL",
        "2.25.329800735698586629295641978511506172918",
        "Source image for image processing operation",
        "654cf99e83353ef4b09642270893ab63e90afa52be1c734dc392915d42cc3d88",
        "9c44051401359e0a",
    ],
)
def test_text_of_a_scanner(text: str) -> None:
    assert suspicions_in(text) == frozenset()


def test_the_date_of_a_build_is_nobodys() -> None:
    assert suspicions_in("VE11C_20160120", build=True) == frozenset()
    assert suspicions_in("VE11C_20160120") == {Suspicion.DATE}


def test_binary_values_need_more() -> None:
    assert suspicions_in_binary("ÖÁÎ^lúÏ") == frozenset()
    assert suspicions_in_binary("zz Smith^John") == {Suspicion.NAME}
    assert suspicions_in_binary("bob@clinic.org") == {Suspicion.EMAIL}


def test_words_that_are_not_of_acquisition() -> None:
    assert not strange_words("t1_mprage SAG p2 1.0mm b1000")
    assert strange_words("t1 Zimmerquast")
    assert not strange_words("t1 Zimmerquast", frozenset(("zimmerquast",)))
