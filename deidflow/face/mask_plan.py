"""What one series gets: a state, and how the mask of an anchor reaches it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from deidflow.face.affine import IDENTITY, Array
from deidflow.face.anchor import Anchor, RegionKind
from deidflow.face.copies import HEAD_MARGIN_MM, Copies
from deidflow.face.face_in_view import FaceState
from deidflow.face.features import Features
from deidflow.face.mask import WorldMask
from deidflow.face.parts import StackMotion


class Route(StrEnum):
    """How the mask of an anchor reaches a series."""

    REFERENCE = "reference"
    """It is the series that was registered."""
    REFINED = "refined"
    """By the motion that was found between the two."""
    COORDINATES = "coordinates"
    """By the scanner's coordinates: no motion fits better."""
    MAGNITUDE = "magnitude"
    """As it reaches the magnitude series on the same grid."""
    OWN = "own"
    """By a registration of its own, which is the anchor."""


@dataclass(frozen=True)
class MaskPlan:
    """What one series gets: a state, and how the mask of an anchor reaches it."""

    state: FaceState
    how: Route
    anchor: Anchor
    motion: Array = field(default_factory=lambda: IDENTITY)
    """World of the series -> world of the anchor."""
    stacks: tuple[StackMotion, ...] = ()
    """The same of each stack that moved by itself."""
    margin_mm: float = 0.0
    copies: Copies | None = None
    """Where the series shows the face once more."""
    figures: Features = field(default_factory=dict)

    @property
    def brain_margin_mm(self) -> float:
        """What lies this near to the brain stays.

        On a carried series as much more as a block grows there: where one is uncertain, so is the
        other, and echo-planar images bend the frontal lobe forward. The skin keeps more anyway.
        """
        if self.anchor.kind is RegionKind.SKIN:
            return self.anchor.brain_margin_mm
        growth = self.margin_mm - self.anchor.margin_mm
        return self.anchor.brain_margin_mm + max(0.0, growth)

    def mask(self) -> WorldMask:
        """The mask in the world of the series."""
        of_anchor = WorldMask(
            face=self.anchor.face,
            margin_mm=self.margin_mm,
            brain=self.anchor.brain,
            brain_margin_mm=self.brain_margin_mm,
        )
        once = of_anchor.seen_from(self.motion)
        if self.copies is None:
            return once
        return once.with_copies(
            self.copies.moves,
            self.copies.head.seen_from(self.motion),
            HEAD_MARGIN_MM,
        )
