"""Elements, items and files as raw bytes, for tests of what is read before any library is."""

from __future__ import annotations

import struct

UNDEFINED = 0xFFFFFFFF
EXPLICIT_SYNTAX = b"1.2.840.10008.1.2.1\0"
IMPLICIT_SYNTAX = b"1.2.840.10008.1.2\0"
BIG_SYNTAX = b"1.2.840.10008.1.2.2\0"
ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def short(tag: int, vr: bytes, value: bytes, order: str = "<") -> bytes:
    """An element in Explicit VR with a length of 16 bits."""
    return struct.pack(f"{order}HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def long(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """An element in Explicit VR with a length of 32 bits."""
    size = len(value) if length is None else length
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, size) + value


def plain(tag: int, value: bytes, length: int | None = None) -> bytes:
    """An element in Implicit VR, or an item."""
    size = len(value) if length is None else length
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, size) + value


def item(content: bytes) -> bytes:
    """An item of defined length."""
    return plain(0xFFFEE000, content)


def open_item(content: bytes) -> bytes:
    """An item of undefined length."""
    return plain(0xFFFEE000, content + ITEM_END, UNDEFINED)


def sequence(tag: int, *items: bytes) -> bytes:
    """A sequence of defined length."""
    return long(tag, b"SQ", b"".join(items))


def open_sequence(tag: int, *items: bytes, vr: bytes = b"SQ") -> bytes:
    """A sequence of undefined length."""
    return long(tag, vr, b"".join(items) + SEQUENCE_END, UNDEFINED)


def part10(body: bytes, syntax: bytes = EXPLICIT_SYNTAX) -> bytes:
    """A file with the DICM mark."""
    return bytes(128) + b"DICM" + short(0x00020010, b"UI", syntax) + body
