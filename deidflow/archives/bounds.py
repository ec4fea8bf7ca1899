"""How much an archive may hold, and what refuses a member or the whole of it."""

from __future__ import annotations

from dataclasses import dataclass

from deidflow.verdicts import Reason

_CHEAP = 16 << 20
"""Bytes that are never a bomb, however well they were compressed."""


@dataclass(frozen=True)
class Bounds:
    """Limits of one archive; nesting is always one: an archive in an archive is not opened."""

    members: int = 100_000
    member_bytes: int = 2 << 30
    ratio: int = 200
    """Unpacked bytes for each packed one."""
    total_bytes: int = 64 << 30
    directory_bytes: int = 64 << 20
    """The table of contents of a zip file, and the longest header of a tar file."""

    def check_ratio(self, unpacked: int, packed: int) -> None:
        """Refuse what unpacks to far more than is there."""
        if unpacked > max(_CHEAP, self.ratio * packed):
            raise ArchiveRefused(Reason.ARCHIVE_RATIO)

    def check_total(self, unpacked: int) -> None:
        """Refuse an archive that unpacks to more than there is room for."""
        if unpacked > self.total_bytes:
            raise ArchiveRefused(Reason.ARCHIVE_TOTAL)

    def check_count(self, members: int) -> None:
        """Refuse an archive of too many members."""
        if members > self.members:
            raise ArchiveRefused(Reason.ARCHIVE_MEMBERS)


class ArchiveRefused(Exception):
    """Nothing of the archive can be used; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.words)
        self.reason = reason


class MemberRefused(Exception):
    """One member cannot be used; the others can."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.words)
        self.reason = reason
