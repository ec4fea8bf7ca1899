"""Comments, application segments and tails of JPEG and JPEG 2000 are searched."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from deidflow.checks.fragments import texts_in
from deidflow.checks.leaks import OWN, LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.checks.staged import check_leaks
from tests.checks.conftest import (
    EXPLICIT,
    PIXEL_DATA,
    SEQUENCE_END,
    UNDEFINED,
    dicom_file,
    encoded,
    encoded_implicit,
    item,
)

START = b"\xff\xd8"
END = b"\xff\xd9"
SCAN = b"\xff\xda" + struct.pack(">H", 4) + b"\x01\x02" + b"entropy\xff\x00coded\xff\xd0data"
J2K_START = b"\xff\x4f\xff\x51" + struct.pack(">H", 4) + b"\x01\x02"


def segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def tile(data: bytes, *, open_end: bool = False) -> bytes:
    """A tile part of JPEG 2000: its length counts from its marker."""
    length = 0 if open_end else 12 + len(data)
    return b"\xff\x90" + struct.pack(">HHIBB", 10, 0, length, 0, 1) + data


def fragmented(*fragments: bytes) -> bytes:
    """Encapsulated pixel data with an empty offset table."""
    return b"".join(map(item, (b"", *fragments))) + encoded_implicit(SEQUENCE_END, b"")


def texts(*fragments: bytes) -> list[bytes]:
    return [text for text in texts_in(fragmented(*fragments)) if text]


@pytest.mark.parametrize("marker", [0xFE, 0xE0, 0xE1, 0xEF])
def test_comments_and_application_segments_of_jpeg_are_text(marker: int) -> None:
    stream = START + segment(marker, b"Zimmerquast") + SCAN + END
    assert texts(stream) == [b"Zimmerquast"]


@pytest.mark.parametrize("marker", [0xC0, 0xC4, 0xDB, 0xDD])
def test_tables_of_jpeg_are_no_text(marker: int) -> None:
    stream = START + segment(marker, b"Zimmerquast") + SCAN + END
    assert texts(stream) == []


def test_fill_bytes_before_a_marker_are_passed() -> None:
    stream = START + b"\xff\xff\xff" + segment(0xFE, b"Zimmerquast") + SCAN + END
    assert texts(stream) == [b"Zimmerquast"]


def test_a_comment_after_the_scan_is_text() -> None:
    stream = START + SCAN + segment(0xFE, b"Zimmerquast") + END
    assert texts(stream) == [b"Zimmerquast"]


def test_what_follows_the_end_of_a_jpeg_is_text() -> None:
    assert texts(START + SCAN + END + b"Zimmerquast") == [b"Zimmerquast"]


def test_what_is_between_two_jpegs_is_text() -> None:
    image = START + SCAN + END
    assert texts(image + b"Zimmerquast", image + b"tail") == [b"Zimmerquast", b"tail"]


def test_a_jpeg_without_end_gives_its_rest() -> None:
    cut = START + segment(0xFE, b"Zimmerquast") + b"rest"
    assert texts(cut) == [b"Zimmerquast", b"rest"]
    assert texts(START + b"\xff") == []


def test_a_comment_that_is_split_over_fragments_is_whole() -> None:
    stream = START + segment(0xFE, b"Zimmerquast") + SCAN + END
    assert texts(stream[:10], stream[10:]) == [b"Zimmerquast"]


def test_the_offset_table_is_no_fragment() -> None:
    table = struct.pack("<I", 0)
    stream = START + segment(0xFE, b"Zimmerquast") + END
    stored = item(table) + item(stream)
    assert [text for text in texts_in(stored) if text] == [b"Zimmerquast"]


def test_comments_of_jpeg_2000_are_text() -> None:
    stream = J2K_START + segment(0x64, b"\0\x01Zimmerquast") + tile(b"data") + END
    assert texts(stream) == [b"\0\x01Zimmerquast"]


def test_a_tile_of_jpeg_2000_is_passed_by_its_length() -> None:
    looks_like_a_comment = segment(0x64, b"entropy coded")
    stream = J2K_START + tile(looks_like_a_comment) + END
    assert texts(stream) == []


def test_what_follows_the_end_of_a_codestream_is_text() -> None:
    codestream = J2K_START + tile(b"data") + END
    assert texts(codestream + b"Zimmerquast") == [b"Zimmerquast"]
    assert texts(codestream + b"Zimmerquast" + codestream + b"tail") == [b"Zimmerquast", b"tail"]


def test_a_tile_without_length_reaches_to_the_end() -> None:
    stream = J2K_START + tile(segment(0x64, b"entropy coded"), open_end=True) + END
    assert texts(stream) == []


def test_other_codestreams_and_no_fragments_have_no_text() -> None:
    assert texts(b"RLE Zimmerquast") == []
    assert list(texts_in(b"")) == []
    assert list(texts_in(item(b""))) == []


@pytest.mark.parametrize(
    "stream",
    [
        START + segment(0xFE, b"for Zimmerquast") + SCAN + END,
        START + SCAN + END + b"for Zimmerquast",
        J2K_START + segment(0x64, b"\0\x01for Zimmerquast") + tile(b"data") + END,
    ],
)
def test_a_name_in_compressed_pixels_is_a_leak(tmp_path: Path, stream: bytes) -> None:
    pixels = encoded(PIXEL_DATA, b"OB", fragmented(stream), length=UNDEFINED)
    (tmp_path / "x.dcm").write_bytes(dicom_file(pixels, EXPLICIT))
    search = LeakSearch(OwnIdentifiers.of([("name", "Zimmerquast^Jo")]), Ours())

    (finding,) = check_leaks(tmp_path, search)
    assert (finding.attribute, finding.whose, finding.what) == ("PixelData", OWN, "leak: name")


def test_a_name_in_entropy_coded_data_is_left_to_the_comparison(tmp_path: Path) -> None:
    scan = segment(0xDA, b"\x01\x02") + b"Zimmerquast"
    pixels = encoded(PIXEL_DATA, b"OB", fragmented(START + scan + END), length=UNDEFINED)
    (tmp_path / "x.dcm").write_bytes(dicom_file(pixels, EXPLICIT))
    search = LeakSearch(OwnIdentifiers.of([("name", "Zimmerquast^Jo")]), Ours())
    assert check_leaks(tmp_path, search) == []
