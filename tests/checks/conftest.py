"""DICOM files made byte by byte, without the code that is tested and without pydicom."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from deidflow.checks.elements import Element, Level

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT")


def encoded(tag: int, vr: bytes, value: bytes, *, length: int | None = None) -> bytes:
    """An element of Explicit VR Little Endian; `length` overrides the true one."""
    size = len(value) if length is None else length
    header = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in _LONG:
        return header + struct.pack("<HI", 0, size) + value
    return header + struct.pack("<H", size) + value


def encoded_implicit(tag: int, value: bytes, *, length: int | None = None) -> bytes:
    """An element of Implicit VR Little Endian."""
    size = len(value) if length is None else length
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, size) + value


def item(content: bytes, *, delimited: bool = False) -> bytes:
    """An item of a sequence, with its length or with a delimiter."""
    if delimited:
        start = encoded_implicit(ITEM, content, length=UNDEFINED)
        return start + encoded_implicit(ITEM_END, b"")
    return encoded_implicit(ITEM, content)


def sequence(tag: int, items: Iterable[bytes], *, delimited: bool = False) -> bytes:
    """A sequence of Explicit VR, with its length or with a delimiter."""
    content = b"".join(items)
    if delimited:
        content += encoded_implicit(SEQUENCE_END, b"")
        return encoded(tag, b"SQ", content, length=UNDEFINED)
    return encoded(tag, b"SQ", content)


def dicom_file(body: bytes, syntax: str = EXPLICIT, *more_meta: bytes) -> bytes:
    """A file with an empty preamble and a short file meta."""
    meta = encoded(0x00020010, b"UI", syntax.encode().ljust(len(syntax) + len(syntax) % 2, b"\0"))
    return bytes(128) + b"DICM" + meta + b"".join(more_meta) + body


def element(tag: int, vr: bytes, raw: bytes, **level: bytes) -> Element:
    """A value of the root."""
    return Element(tag, vr, raw, Level(**level))
