"""What a file is, by its first bytes; text in character sets that the header does not name."""

from __future__ import annotations

import struct

import pytest

from deidflow.dicom.character_sets import decoder, encodings_of, other_readings
from deidflow.dicom.codestream import without_comments, without_tail
from deidflow.dicom.encoding import fits_syntax
from deidflow.dicom.file_kind import has_mark, with_mark, without_mark
from deidflow.dicom.instance import identifiers_in, short_of
from deidflow.dicom.structure import file_meta, syntax_of
from deidflow.errors import Withheld
from deidflow.verdicts import Reason, Verdict
from tests.dicom.raw_elements import part10, plain, short

JPEG, JPEG_LS, J2K, RLE = (f"1.2.840.10008.1.2.{last}" for last in ("4.70", "4.80", "4.90", "5"))
NAME = 0x00100010


def test_the_mark_stands_behind_the_preamble() -> None:
    assert has_mark(part10(b""))
    assert not has_mark(b"DICM")
    assert not has_mark(b"")


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", Reason.EMPTY_FILE),
        (b"PK\x03\x04...", Reason.ARCHIVE),
        (b"BZh9", Reason.ARCHIVE),
        (bytes(257) + b"ustar", Reason.ARCHIVE),
        (b"\x08\0\x05\0", Reason.NOT_DICOM),
        (plain(0x00080005, b"", 4096), Reason.NOT_DICOM),
        (b"hello", Reason.NOT_DICOM),
    ],
)
def test_files_that_are_skipped(head: bytes, reason: Reason) -> None:
    assert without_mark(head) == (Verdict.SKIPPED, reason)


@pytest.mark.parametrize(
    "head",
    [
        short(0x00080005, b"CS", b"ISO_IR 100"),
        short(0x00080005, b"CS", b"ISO_IR 100", order=">"),
        plain(0x00080005, b"ISO_IR 100"),
        short(0x00020010, b"UI", b"1.2.840.10008.1.2\0"),
    ],
    ids=["explicit", "big endian", "implicit", "meta without preamble"],
)
def test_files_that_only_lack_the_mark(head: bytes) -> None:
    assert without_mark(head) == (Verdict.QUARANTINED, Reason.NO_MARK)


@pytest.mark.parametrize(
    ("content", "syntax"),
    [
        (short(0x00080005, b"CS", b"ISO_IR 100"), "1.2.840.10008.1.2.1"),
        (short(0x00080005, b"CS", b"ISO_IR 100", order=">"), "1.2.840.10008.1.2.2"),
        (plain(0x00080005, b"ISO_IR 100"), "1.2.840.10008.1.2"),
        (short(0x00020010, b"UI", b"1.2.840.10008.1.2.5\0"), "1.2.840.10008.1.2.5"),
    ],
)
def test_the_transfer_syntax_of_a_file_without_the_mark(content: bytes, syntax: str) -> None:
    marked = with_mark(content)
    meta, start = file_meta(marked)

    assert has_mark(marked)
    assert syntax_of(meta) == syntax
    assert marked.endswith(content)
    assert start % 2 == 0


# encodings of pixel data


@pytest.mark.parametrize(
    ("syntax", "codestream", "fits"),
    [
        (JPEG, b"\xff\xd8\xff\xc3\0\x0b", True),
        (JPEG, b"\xff\xd8\xff\xff\xff\xc3\0\x0b", True),
        (JPEG, b"\xff\xd8\xff\xf7\0\x0b", False),
        (JPEG, b"\xff\xd8\xff\xe0\0\4ab", True),
        (JPEG, b"\xff\xd8\xff\xe0\0\4ab\xff\xf7\0\x0b", False),
        (JPEG_LS, b"\xff\xd8\xff\xf7\0\x0b", True),
        (JPEG_LS, b"\xff\xd8\xff\xc3\0\x0b", False),
        (J2K, b"\xff\x4f\xff\x51", True),
        (J2K, b"\xff\xd8\xff\xc3", False),
        (RLE, b"\1\0\0\0" + bytes(60), True),
        (RLE, b"\1\0\0\0" + bytes(59), False),
        (RLE, b"\x10\0\0\0" + bytes(60), False),
        ("1.2.840.10008.1.2.4.100", b"anything", True),
    ],
)
def test_fragments_are_of_the_kind_of_their_syntax(
    syntax: str, codestream: bytes, fits: bool
) -> None:
    assert fits_syntax(syntax, encapsulated=True, codestream=codestream) is fits
    assert not fits_syntax(syntax, encapsulated=False, codestream=b"")


# codestreams


def test_fill_bytes_before_a_marker_go() -> None:
    frame = b"\xff\xd8\xff\xff\xff\xc3\0\4ab\xff\xd9"

    assert without_comments(frame) == b"\xff\xd8\xff\xc3\0\4ab\xff\xd9"


@pytest.mark.parametrize(
    "kept", [b"\xff\xe0\0\x10JFIF\0" + bytes(9), b"\xff\xee\0\x0eAdobe" + bytes(7)]
)
def test_segments_that_decoding_needs_stay(kept: bytes) -> None:
    frame = b"\xff\xd8" + kept + b"\xff\xd9"

    assert without_comments(frame) == frame


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff\xd8\xff\xda\0\4ab coded without an end",
        b"\xff\xd8\0\1\0\4ab\xff\xd9",
        b"\xff\x4f\xff\x90\0\x0a\0\0\0\0\0\0\0\1\xff\x93coded",
        b"\xff\x4f\xff\x90\0\x0a\0\0\0\0\0\x0e\0\1\xff\x93text behind",
        b"\xff\x4f\0\x51\0\4ab",
    ],
    ids=["no end", "no marker", "open tile-part without end", "text behind", "no J2K marker"],
)
def test_codestreams_that_are_not_understood_are_withheld(frame: bytes) -> None:
    with pytest.raises(Withheld) as caught:
        without_comments(frame)
    assert caught.value.reason is Reason.NO_DECODER


def test_a_tile_part_of_open_length_reaches_to_the_end_of_the_image() -> None:
    frame = b"\xff\x4f\xff\x90\0\x0a\0\0\0\0\0\0\0\1\xff\x93coded\xff\xd9"

    assert without_comments(frame + b"PID-1") == frame


def test_runs_and_literals_of_rle() -> None:
    """A run of three, nothing, and two literals are five pixels."""
    head = struct.pack("<16I", 1, 64, *[0] * 14)
    segment = bytes([254, 7, 128, 1, 8, 9])

    assert without_tail(head + segment + b"PID-1", 5) == head + segment
    with pytest.raises(Withheld):
        without_tail(struct.pack("<16I", 16, *[0] * 15), 1)


# character sets


def test_text_under_the_character_set_of_the_header() -> None:
    assert decoder(b"ISO_IR 192")("Łukasz ".encode()) == "Łukasz"
    assert decoder(b"ISO_IR 100")(b"M\xfcller\0") == "Müller"
    assert decoder(b"")(b" plain ") == "plain"


def test_a_character_set_that_is_none_is_latin() -> None:
    assert encodings_of("no such set") == ["iso8859"]
    assert decoder(b"\xff\xfe")(b"M\xfcller") == "Müller"


def test_text_that_the_header_does_not_announce() -> None:
    assert list(other_readings(b"plain")) == []
    assert list(other_readings("Müller".encode())) == ["Müller"]
    assert list(other_readings(b"M\xfcller")) == []
    assert "山田" in next(other_readings(b"\x1b$B;3ED\x1b(B"))


def test_every_reading_of_a_name_is_searched() -> None:
    readings = list(identifiers_in(NAME, "Müller^Ann".encode(), b"ISO_IR 100"))

    assert ("name", "Müller^Ann") in readings
    assert ("name", "MÃ¼ller^Ann") in readings


def test_each_value_of_an_attribute_is_one() -> None:
    pairs = list(identifiers_in(0x00101000, b"PID-1 \\ \\PID-2", b""))

    assert pairs == [("id", "PID-1"), ("id", "PID-2")]


@pytest.mark.parametrize(
    ("raw", "big", "expected"),
    [
        (b"\1\0", False, 1),
        (b"\1\0", True, 256),
        (b"\1\0\2\0", False, 1),
        (b"\1", False, 0),
        (b"", True, 0),
    ],
)
def test_the_first_short(raw: bytes, big: bool, expected: int) -> None:
    assert short_of(raw, big) == expected
