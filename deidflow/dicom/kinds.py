"""What kind of file something is, from its first bytes."""

from __future__ import annotations

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
