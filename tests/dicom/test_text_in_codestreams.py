"""Comments in compressed frames go, the image stays."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.dicom.codestream import without_comments, without_tail
from deidflow.errors import Withheld


def jpeg(tmp_path) -> bytes:  # type: ignore[no-untyped-def]
    image = sitk.GetImageFromArray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    sitk.WriteImage(image, str(tmp_path / "x.jpg"))
    return (tmp_path / "x.jpg").read_bytes()


def test_comments_and_application_segments_of_jpeg(tmp_path) -> None:  # type: ignore[no-untyped-def]
    plain = jpeg(tmp_path)
    text = b"Zimmerquast"
    comment = struct.pack(">HH", 0xFFFE, 2 + len(text)) + text
    exif = struct.pack(">HH", 0xFFE1, 2 + len(text)) + text
    fake = struct.pack(">HH", 0xFFE0, 2 + len(text)) + text
    planted = plain[:2] + comment + exif + fake + plain[2:]
    assert text not in without_comments(planted)
    assert without_comments(planted) == without_comments(plain)


def test_comments_of_jpeg_2000() -> None:
    size = struct.pack(">HH", 0xFF51, 4) + b"\0\0"
    comment = struct.pack(">HHH", 0xFF64, 4 + 11, 1) + b"Zimmerquast"
    tile = struct.pack(">HHHIBB", 0xFF90, 10, 0, 12 + 2 + 5, 0, 1) + b"\xff\x93coded"
    assert without_comments(b"\xff\x4f" + size + comment + tile + b"\xff\xd9Zimmerquast") == (
        b"\xff\x4f" + size + tile + b"\xff\xd9"
    )
    in_tile = struct.pack(">HHHIBB", 0xFF90, 10, 0, 12 + 17 + 2, 0, 1) + comment + b"\xff\x93"
    with pytest.raises(Withheld):
        without_comments(b"\xff\x4f" + size + in_tile + b"\xff\xd9")


def test_text_behind_the_image_and_between_scans() -> None:
    scan = struct.pack(">HH", 0xFFDA, 4) + b"\1\1" + b"coded\xff\0data\xff\xd0more"
    comment = struct.pack(">HH", 0xFFFE, 2 + 11) + b"Zimmerquast"
    planted = b"\xff\xd8" + scan + comment + scan + b"\xff\xd9" + b"Zimmerquast"
    assert without_comments(planted) == b"\xff\xd8" + scan + scan + b"\xff\xd9"


def test_text_behind_run_lengths() -> None:
    fragment = struct.pack("<16I", 1, 64, *[0] * 14) + bytes([255, 7, 1, 9, 8])
    assert without_tail(fragment + b"\0Zimmerquast", 4) == fragment + b"\0"
    with pytest.raises(Withheld):
        without_tail(fragment, 9)


@pytest.mark.parametrize("frame", [b"", b"\xff\xd8", b"PNG nothing", b"\xff\xd8\0\0\0\0"])
def test_what_is_not_understood_is_withheld(frame: bytes) -> None:
    with pytest.raises(Withheld):
        without_comments(frame)
