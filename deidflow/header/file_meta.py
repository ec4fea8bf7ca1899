"""Preamble and file meta information, made from the released header only (PS3.10 section 7.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache

from deidflow.dicom.elements import LENGTH, encoded
from deidflow.errors import Withheld
from deidflow.header.uids import IMPLEMENTATION_CLASS, IMPLEMENTATION_NAME
from deidflow.verdicts import Reason

_PREAMBLE = bytes(128) + b"DICM"
_CLASS, _INSTANCE = b"\x08\x00\x16\x00", b"\x08\x00\x18\x00"
"""SOP Class UID and SOP Instance UID as written in Little Endian."""
_LONG_FORM = frozenset((b"SQ", b"UN", b"UT", b"UC", b"OB"))
"""VRs with a length of four bytes that may come before the UIDs."""
_SHORT_LENGTH = struct.Struct("<H").unpack_from


def new_file_meta(header: bytes, syntax: str, *, explicit: bool) -> list[bytes]:
    """Preamble and meta information of a header, in chunks; raises Withheld if it lacks its UIDs.

    `explicit` is whether the header is in Explicit VR.
    """
    sop_class, instance = _class_and_instance(header, explicit)
    before, after = _around_instance(sop_class, syntax)
    own = _element(0x00020003, b"UI", instance)
    content = before + own + after
    length = struct.pack("<I", len(content))
    return [_PREAMBLE, _element(0x00020000, b"UL", length), content]


@lru_cache(maxsize=64)
def _around_instance(sop_class: bytes, syntax: str) -> tuple[bytes, bytes]:
    """The meta information before and after the instance's UID."""
    before = (
        (0x00020001, b"OB", b"\0\1"),
        (0x00020002, b"UI", sop_class),
    )
    after = (
        (0x00020010, b"UI", syntax.encode("ascii")),
        (0x00020012, b"UI", IMPLEMENTATION_CLASS.encode("ascii")),
        (0x00020013, b"SH", IMPLEMENTATION_NAME.encode("ascii")),
    )
    return _joined(before), _joined(after)


def _joined(rows: Iterable[tuple[int, bytes, bytes]]) -> bytes:
    elements = [_element(tag, vr, value) for tag, vr, value in rows]
    return b"".join(elements)


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    padding = b"\0" * (len(value) & 1)
    return encoded(
        tag,
        vr,
        value + padding,
        explicit=True,
    )


def _class_and_instance(header: bytes, explicit: bool) -> tuple[bytes, bytes]:
    """SOP Class and Instance UID, which are among the first elements."""
    uids: dict[bytes, bytes] = {}
    position = 0
    while len(uids) < 2 and position < len(header):
        tag = header[position : position + 4]
        value, length = _value_of(header, position, explicit)
        if tag in (_CLASS, _INSTANCE):
            uids[tag] = header[value : value + length].rstrip(b"\0 ")
        position = value + length

    if len(uids) < 2:
        raise Withheld(Reason.MISSING_UID)
    return uids[_CLASS], uids[_INSTANCE]


def _value_of(header: bytes, position: int, explicit: bool) -> tuple[int, int]:
    """Where the value of the element at a position starts, and its length."""
    if not explicit:
        (length,) = LENGTH(header, position + 4)
        return position + 8, length
    if header[position + 4 : position + 6] in _LONG_FORM:
        (length,) = LENGTH(header, position + 8)
        return position + 12, length
    (length,) = _SHORT_LENGTH(header, position + 6)
    return position + 8, length
