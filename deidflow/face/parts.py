"""Parts of a series: stacks, each of which may have moved by itself, and volumes along a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from deidflow.dicom.stack import StackKey
from deidflow.errors import Withheld
from deidflow.face.affine import IDENTITY, Array
from deidflow.face.refine import Motion, Reference, drift_mm, refine, shift_mm
from deidflow.face.series import HeadSeries
from deidflow.face.volume import Image
from deidflow.settings.face import GateSettings
from deidflow.verdicts import Reason

_STILL_MM, _MOST_SUSPECTS = 5.0, 3
"""Volumes of a run whose head seems to have moved farther are registered, the farthest of them."""


@dataclass(frozen=True)
class StackMotion:
    """How one stack of a series moved: its world -> world of the anchor."""

    key: StackKey
    motion: Array


@dataclass(frozen=True)
class Parts:
    """Compares parts of series with a registered head."""

    volume: Image
    """The registered head."""
    face: Array
    """Points of the face's surface in the world of the head."""
    gate: GateSettings

    @cached_property
    def reference(self) -> Reference:
        """The registered head as others are compared with it; one series alone never asks."""
        return Reference.of(self.volume)

    def motion_of(self, stacks: Sequence[Image]) -> Motion:
        """How some stacks lie against the reference."""
        return refine(
            stacks,
            reference=self.reference,
            face=self.face,
        )

    def checked(self, stacks: Sequence[Image]) -> Motion:
        """The same; raises Withheld where they do not show where they lie, or lie too far away."""
        motion = self.motion_of(stacks)
        if self._is_blurred(motion):
            detail = f"contrast {motion.contrast:.2f}"
            raise Withheld(Reason.NOT_CARRIED, detail)
        if self._is_far(motion):
            detail = f"moved {motion.moved_mm:.0f} mm"
            raise Withheld(Reason.NOT_CARRIED, detail)
        return motion

    def stack_motions(self, series: HeadSeries, first: int = 0) -> tuple[StackMotion, ...]:
        """A motion for each stack from the number `first`, where a series has several.

        Raises Withheld where a stack shows the head elsewhere or not at all.
        """
        if len(series.stacks) == 1:
            return ()

        motions: list[StackMotion] = []
        for number in range(first, len(series.stacks)):
            motion = self.motion_of([series.stacks[number]])
            if self._is_blurred(motion) or self._is_far(motion):
                raise _parts_apart(motion)
            if number < len(series.stack_keys):
                motions.append(StackMotion(series.stack_keys[number], trusted(motion)))
        return tuple(motions)

    def check_run(self, series: HeadSeries, motion: Array) -> None:
        """Raise Withheld where a later volume shows the head elsewhere than the first.

        One that shows nothing sharply (a diffusion weighting) contradicts nothing.
        """
        for volume in self._suspects(series, motion):
            later = self.motion_of([volume])
            apart = shift_mm(later.affine, motion, self.face)
            if not self._is_blurred(later) and apart > self.gate.agreement_mm:
                raise _parts_apart(later)

    def _suspects(self, series: HeadSeries, motion: Array) -> list[Image]:
        """The later volumes in which the head seems to have moved, the farthest first."""
        drifts: list[tuple[float, Image]] = []
        for volume in series.later:
            drift = drift_mm(
                volume[0],
                self.reference,
                motion,
                self.face,
            )
            if drift > _STILL_MM:
                drifts.append((drift, volume[0]))
        drifts.sort(key=lambda row: -row[0])
        return [volume for _, volume in drifts[:_MOST_SUSPECTS]]

    def _is_blurred(self, motion: Motion) -> bool:
        """Whether the images say nothing about where they lie."""
        return motion.contrast < self.gate.carried_contrast_min

    def _is_far(self, motion: Motion) -> bool:
        """Whether the motion is larger than patients move between two series."""
        return motion.moved_mm > self.gate.carried_move_max_mm


def trusted(motion: Motion) -> Array:
    """A motion where it fits better than the scanner's coordinates, else these."""
    return motion.affine if motion.gain > 0 else IDENTITY


def _parts_apart(motion: Motion) -> Withheld:
    """Why a series is withheld of which one part shows the head elsewhere."""
    detail = f"moved {motion.moved_mm:.0f} mm, contrast {motion.contrast:.2f}"
    return Withheld(Reason.PARTS_APART, detail)
