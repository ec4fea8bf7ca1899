"""The mask of a series whose stacks may have moved, each by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deidflow.dicom.geometry import Plane
from deidflow.dicom.stack import StackKey, stack_key
from deidflow.face.mask import WorldMask
from deidflow.face.volume import Flags


@dataclass(frozen=True)
class SeriesMask:
    """One mask for all planes but those of stacks that moved by themselves."""

    common: WorldMask
    stacks: Mapping[StackKey, WorldMask] = field(default_factory=dict)

    def removed(self, plane: Plane) -> Flags:
        """Which pixels of a plane are removed, (rows, columns)."""
        mask = self.stacks.get(stack_key(plane), self.common)
        return mask.removed(plane)
