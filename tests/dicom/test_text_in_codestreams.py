"""Comments in compressed frames go, the image stays."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.dicom.codestream import without_comments
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
    tile = b"\xff\x90\0\x0a rest of it"
    assert without_comments(b"\xff\x4f" + size + comment + tile) == b"\xff\x4f" + size + tile


@pytest.mark.parametrize("frame", [b"", b"\xff\xd8", b"PNG nothing", b"\xff\xd8\0\0\0\0"])
def test_what_is_not_understood_is_withheld(frame: bytes) -> None:
    with pytest.raises(Withheld):
        without_comments(frame)
