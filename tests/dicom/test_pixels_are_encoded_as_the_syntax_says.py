"""Pixel data that contradict their transfer syntax are quarantined, by both readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

import deidflow
from deidflow.dicom.inventory import read_file
from deidflow.dicom.pixels import check_encoding
from deidflow.errors import Withheld
from deidflow.verdicts import Reason
from tests.synthetic import as_file, mr_instance

EXPLICIT, JPEG_LOSSLESS, JPEG_LS, J2K, RLE = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.5",
)
COMMENT = b"\xff\xfe\x00\x0eZIMMERQUAST1"
FRAMES = {
    "jpeg": b"\xff\xd8" + COMMENT + b"\xff\xc3\x00\x0b\x10\x00\x08\x00\x08\x01\x01\x11\x00\xff\xd9",
    "jpeg-ls": b"\xff\xd8\xff\xf7\x00\x0b\x10\x00\x08\x00\x08\x01\x01\x11\x00\xff\xd9",
    "j2k": b"\xff\x4f\xff\x51\x00\x29" + bytes(40),
    "rle": b"\x02\0\0\0" + bytes(100),
}
SYNTAX_OF = {"jpeg": JPEG_LOSSLESS, "jpeg-ls": JPEG_LS, "j2k": J2K, "rle": RLE}


def fragments(kind: str, syntax: str) -> bytes:
    """A file whose pixel data are one fragment of a kind of codestream."""
    header = mr_instance(PixelData=encapsulate([FRAMES[kind]]))
    header["PixelData"].VR = "OB"
    header["PixelData"].is_undefined_length = True
    content = as_file(header, JPEG_LOSSLESS)
    return content.replace(JPEG_LOSSLESS.encode(), syntax.encode().ljust(22, b"\0"))


def native(syntax: str) -> bytes:
    """A file of native pixels under another transfer syntax."""
    return as_file(mr_instance()).replace(b"\x14\0" + EXPLICIT.encode() + b"\0", _padded(syntax))


def _padded(syntax: str) -> bytes:
    value = syntax.encode() + b"\0" * (len(syntax) & 1)
    return len(value).to_bytes(2, "little") + value


def reason(folder: Path, content: bytes) -> Reason | None:
    (folder / "a.dcm").write_bytes(content)
    return read_file(folder, "a.dcm").reason


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize(
    "syntax", [EXPLICIT, "1.2.840.10008.1.2", JPEG_LOSSLESS, JPEG_LS, J2K, RLE]
)
def test_fragments_fit_only_their_own_syntax(tmp_path: Path, kind: str, syntax: str) -> None:
    if syntax == "1.2.840.10008.1.2":
        return
    expected = None if SYNTAX_OF[kind] == syntax else Reason.PIXEL_ENCODING
    assert reason(tmp_path, fragments(kind, syntax)) is expected


@pytest.mark.parametrize("syntax", [JPEG_LOSSLESS, JPEG_LS, J2K, RLE])
def test_native_pixels_under_a_compressed_syntax(tmp_path: Path, syntax: str) -> None:
    assert reason(tmp_path, native(syntax)) is Reason.PIXEL_ENCODING


@pytest.mark.parametrize(
    "content", [fragments("jpeg", EXPLICIT), native(JPEG_LOSSLESS)], ids=["fragments", "native"]
)
def test_headers_only_quarantines_them_too(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(content)
    result = deidflow.anonymize(tmp_path / "in", tmp_path / "out", workers=1)
    assert result.verdicts["quarantined"] == 1
    assert [row.reason for row in result.not_released] == [Reason.PIXEL_ENCODING]
    assert not list((tmp_path / "out").rglob("*.dcm"))


def test_reading_pixels_asks_again(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(fragments("jpeg", EXPLICIT))
    with pytest.raises(Withheld, match="not encoded as the transfer syntax says"):
        check_encoding(pydicom.dcmread(tmp_path / "a.dcm"))


def test_headers_only_does_not_claim_to_have_cleared_overlay_bits(tmp_path: Path) -> None:
    header = mr_instance()
    header.add_new(0x60000102, "US", 12)
    header.add_new(0x60000100, "US", 16)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(as_file(header))
    result = deidflow.anonymize(tmp_path / "in", tmp_path / "out", workers=1)
    assert [row.reason for row in result.not_released] == [Reason.EMBEDDED_OVERLAY]


@pytest.mark.parametrize(
    ("bit", "signed", "released"),
    [(None, 0, True), (12, 0, False), (15, 0, False), (13, 1, False), (None, 1, True)],
)
@pytest.mark.parametrize("syntax", [EXPLICIT, "1.2.840.10008.1.2"])
def test_bits_beside_the_stored_values_do_not_go_out_unseen(
    tmp_path: Path, bit: int | None, signed: int, released: bool, syntax: str
) -> None:
    values = np.arange(64, dtype="<i2") - 32 * signed
    if bit is not None:
        values[40] ^= np.int16(-1 << 15) if bit == 15 else np.int16(1 << bit)
    header = mr_instance(PixelData=values.tobytes(), PixelRepresentation=signed)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(as_file(header, syntax))
    for number, audit in enumerate((None, tmp_path / "audit.csv")):
        result = deidflow.anonymize(tmp_path / "in", tmp_path / str(number), workers=1, audit=audit)
        assert result.verdicts["released"] == released
        assert [row.reason for row in result.not_released] == [Reason.EMBEDDED_OVERLAY] * (
            not released
        )
