"""What kind of file something is, from its first bytes."""

from __future__ import annotations

import struct

from deidflow.verdicts import Reason, Verdict

_ARCHIVES = (b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")
_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")


def has_mark(head: bytes) -> bool:
    """Whether the DICM mark stands behind a preamble of 128 bytes (PS3.10 section 7.1)."""
    return head[128:132] == b"DICM"


def without_mark(head: bytes) -> tuple[Verdict, Reason]:
    """Verdict and reason for a file that lacks the DICM mark."""
    if not head:
        return Verdict.SKIPPED, Reason.EMPTY_FILE
    if any(head.startswith(magic) for magic in _ARCHIVES) or head[257:262] == b"ustar":
        return Verdict.SKIPPED, Reason.ARCHIVE
    if head[:2] in _GROUPS and _plausible_element(head):
        return Verdict.QUARANTINED, Reason.NO_MARK
    return Verdict.SKIPPED, Reason.NOT_DICOM


def _plausible_element(head: bytes) -> bool:
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    short_implicit = len(head) >= 8 and int.from_bytes(head[4:8], "little") < 256
    return explicit or short_implicit


def with_mark(content: bytes) -> bytes:
    """A file without the DICM mark as PS3.10 wants it: preamble, mark, and a transfer syntax (PS3.10 section 7.1).

    Older writers left the mark out: the data set begins at once, or behind file meta without a preamble.
    """
    mark = bytes(128) + b"DICM"
    if content[:2] == b"\x02\x00":
        return mark + content
    explicit = content[4:6].isalpha() and content[4:6].isupper()
    big = content[:2] in (b"\x00\x08", b"\x00\x02")
    syntax = (
        b"1.2.840.10008.1.2.2\0"
        if big
        else b"1.2.840.10008.1.2.1\0"
        if explicit
        else b"1.2.840.10008.1.2\0"
    )
    return mark + struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax + content
