"""Functional groups of enhanced images: attributes per frame, or shared by all (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

PER_FRAME_TAG = 0x52009230
"""Tag of PerFrameFunctionalGroupsSequence: its presence says that geometry is given per frame."""


@dataclass(frozen=True)
class FunctionalGroups:
    """The functional groups of a data set as read by pydicom; both are empty in a classic image."""

    frames: Sequence[Any]
    """One group per frame."""
    shared: Sequence[Any]
    """At most one group is valid; the first counts."""

    @classmethod
    def of(cls, header: Any) -> FunctionalGroups:
        """The groups of a data set."""
        frames = header.get("PerFrameFunctionalGroupsSequence") or ()
        shared = header.get("SharedFunctionalGroupsSequence") or ()
        return cls(frames, shared)

    def for_frame(self, frame: int) -> list[Any]:
        """The groups that hold for a frame (counted from 0): its own first, then the shared one."""
        groups: list[Any] = []
        if frame < len(self.frames):
            groups.append(self.frames[frame])
        groups += self.shared[:1]
        return groups

    def macros(self, frame: int, keyword: str) -> Iterator[Any]:
        """The first item of a macro's sequence in each group of a frame that has it."""
        for group in self.for_frame(frame):
            sequence = group.get(keyword)
            if sequence:
                yield sequence[0]

    def macro(self, frame: int, keyword: str) -> Any | None:
        """The item of a macro that holds for a frame; None if neither group has it."""
        return next(self.macros(frame, keyword), None)

    def items(self, keyword: str) -> Iterator[Any]:
        """Every item of a macro's sequence in any group, the shared ones first."""
        for group in (*self.shared, *self.frames):
            yield from group.get(keyword) or ()
