"""What kind of file something is, from its first bytes."""

from __future__ import annotations

import struct

from deidflow.dicom.structure import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from deidflow.verdicts import Reason, Verdict

_MARK = b"DICM"
_PREAMBLE = 128
_ARCHIVES = (
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"BZh",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"Rar!",
)
_META_GROUP = b"\x02\x00"
_BIG_GROUPS = (b"\x00\x02", b"\x00\x08")
_GROUPS = (_META_GROUP, b"\x08\x00", *_BIG_GROUPS)
"""Groups with which a data set begins, in either byte order."""
_LONGEST_FIRST = 256
_SYNTAX_HEAD = struct.Struct("<HH2sH").pack


def has_mark(head: bytes) -> bool:
    """Whether the DICM mark follows a preamble of 128 bytes (PS3.10 section 7.1)."""
    return head[128:132] == _MARK


def without_mark(head: bytes) -> tuple[Verdict, Reason]:
    """Verdict and reason for a file that lacks the DICM mark."""
    if not head:
        return Verdict.SKIPPED, Reason.EMPTY_FILE
    if head.startswith(_ARCHIVES) or head[257:262] == b"ustar":
        return Verdict.SKIPPED, Reason.ARCHIVE
    if head[:2] in _GROUPS and _is_plausible_element(head):
        return Verdict.QUARANTINED, Reason.NO_MARK
    return Verdict.SKIPPED, Reason.NOT_DICOM


def _is_plausible_element(head: bytes) -> bool:
    if _has_vr(head):
        return True
    length = int.from_bytes(head[4:8], "little")
    return len(head) >= 8 and length < _LONGEST_FIRST


def _has_vr(head: bytes) -> bool:
    """Whether the first element seems to be in Explicit VR."""
    vr = head[4:6]
    return vr.isalpha() and vr.isupper()


def with_mark(content: bytes) -> bytes:
    """A file without the DICM mark, with preamble, mark and a transfer syntax (PS3.10 section 7.1).

    Older writers left the mark out: the data set begins at once, or after file meta information
    without a preamble.
    """
    mark = bytes(_PREAMBLE) + _MARK
    if content[:2] == _META_GROUP:
        return mark + content

    syntax = _guessed_syntax(content).encode("ascii")
    padded = syntax + b"\0" * (len(syntax) % 2)
    head = _SYNTAX_HEAD(
        2,
        0x10,
        b"UI",
        len(padded),
    )
    return mark + head + padded + content


def _guessed_syntax(content: bytes) -> str:
    if content[:2] in _BIG_GROUPS:
        return EXPLICIT_BIG
    return EXPLICIT_LITTLE if _has_vr(content) else IMPLICIT_LITTLE
