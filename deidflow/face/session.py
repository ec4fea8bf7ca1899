"""The mask of a session's registered head, carried to each of its series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from deidflow.errors import Withheld
from deidflow.face.affine import IDENTITY, Array, apply, compose, inverse
from deidflow.face.anchor import Anchor, Locate, anchor_of, can_be_registered
from deidflow.face.brain import BrainSource, brain_of
from deidflow.face.candidate import FaceState, Refused, attempt, state_in_view
from deidflow.face.features import Features
from deidflow.face.mask import WorldMask
from deidflow.face.prepare import prepared
from deidflow.face.refine import Motion, Reference, refine
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image
from deidflow.settings.face import DefaceSettings
from deidflow.verdicts import Reason


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
    margin_mm: float = 0.0
    figures: Features = field(default_factory=dict)

    def mask(self) -> WorldMask:
        """The mask in the world of the series."""
        return WorldMask(
            face=self.anchor.face.seen_from(self.motion),
            margin_mm=self.margin_mm,
            brain=self.anchor.brain.seen_from(self.motion),
            brain_margin_mm=self.anchor.brain_margin_mm,
        )


@dataclass(frozen=True)
class Carrier:
    """Carries the mask of a session's anchor to its series."""

    anchor: Anchor
    reference: Reference
    face: Array
    """Points of the face's surface in the world of the reference."""
    template: Template
    settings: DefaceSettings
    locate: Locate
    siblings: Sequence[HeadSeries]

    @classmethod
    def of(
        cls,
        anchor: Anchor,
        template: Template,
        settings: DefaceSettings,
        locate: Locate,
        siblings: Sequence[HeadSeries],
    ) -> Carrier:
        """A carrier for the series of the anchor's session."""
        registered = anchor.registered
        to_subject = inverse(registered.affine)
        return cls(
            anchor=anchor,
            reference=Reference.of(registered.series.main),
            face=apply(to_subject, template.points["surface"]),
            template=template,
            settings=settings,
            locate=locate,
            siblings=siblings,
        )

    def plan_for(self, series: HeadSeries) -> MaskPlan:
        """The plan of a series; raises Withheld if it can be neither carried nor registered."""
        if series.name == self.anchor.name:
            return self._reference_plan(series)
        try:
            return self._carried_plan(series)
        except Withheld as held:
            return self._own_plan(series, held)

    def _reference_plan(self, series: HeadSeries) -> MaskPlan:
        """The plan of the registered series itself."""
        self._check_parts(series.stacks[1:], series.last)
        registered = self.anchor.registered
        plan = MaskPlan(
            state=registered.state,
            how=Route.REFERENCE,
            anchor=self.anchor,
            margin_mm=self.anchor.margin_mm,
            figures=registered.figures,
        )
        return self._measured(series, plan)

    def _carried_plan(self, series: HeadSeries) -> MaskPlan:
        """The plan of a series that shows the registered head; raises Withheld otherwise."""
        magnitude = self._magnitude_of(series)
        source = magnitude or series
        motion = self._refined(source.stacks)
        self._check_motion(motion)
        if magnitude is None:
            self._check_parts(_several(series.stacks), series.last)

        is_better = motion.gain > 0
        affine = IDENTITY
        if is_better:
            affine = motion.affine
        to_template = compose(self.anchor.registered.affine, affine)
        plan = MaskPlan(
            state=state_in_view(series, to_template, self.template),
            how=_route(is_better, magnitude),
            anchor=self.anchor,
            motion=affine,
            margin_mm=self.anchor.carried_margin_mm,
            figures={
                "moved_mm": motion.moved_mm,
                "gain": motion.gain,
                "contrast": motion.contrast,
            },
        )
        return self._measured(series, plan)

    def _magnitude_of(self, series: HeadSeries) -> HeadSeries | None:
        """The magnitude series on the grid of a phase series."""
        if series.component == "M":
            return None
        for sibling in self.siblings:
            if sibling.component == "M" and _on_one_grid(sibling.main, series.main):
                return sibling
        return None

    def _check_motion(self, motion: Motion) -> None:
        """Raise Withheld where a series does not show where it lies, or lies too far away."""
        if self._is_blurred(motion):
            detail = f"contrast {motion.contrast:.2f}"
            raise Withheld(Reason.NOT_CARRIED, detail)
        if self._is_far(motion):
            detail = f"moved {motion.moved_mm:.0f} mm"
            raise Withheld(Reason.NOT_CARRIED, detail)

    def _check_parts(self, stacks: Sequence[Image], last: Sequence[Image]) -> None:
        """Raise Withheld where a further stack or the last volume shows the head elsewhere.

        A last volume that shows nothing sharply (a diffusion weighting) contradicts nothing.
        """
        for stack in stacks:
            motion = self._refined([stack])
            if self._is_blurred(motion) or self._is_far(motion):
                raise _parts_apart(motion)

        for volume in last:
            motion = self._refined([volume])
            if not self._is_blurred(motion) and self._is_far(motion):
                raise _parts_apart(motion)

    def _refined(self, stacks: Sequence[Image]) -> Motion:
        """How some stacks lie against the reference."""
        return refine(
            stacks,
            reference=self.reference,
            face=self.face,
        )

    def _is_blurred(self, motion: Motion) -> bool:
        """Whether the images say nothing about where they lie."""
        return motion.contrast < self.settings.gate.carried_contrast_min

    def _is_far(self, motion: Motion) -> bool:
        """Whether the motion is larger than patients move between two series."""
        return motion.moved_mm > self.settings.gate.carried_move_max_mm

    def _own_plan(self, series: HeadSeries, held: Withheld) -> MaskPlan:
        """The plan of a series that is registered by itself.

        `held` is why the session's registration does not hold for it.
        """
        is_apart = len(series.stacks) > 1 or held.reason is Reason.PARTS_APART
        if is_apart or not can_be_registered(series):
            raise held

        outcome = attempt(series, self.template, self.settings)
        if isinstance(outcome, Refused):
            detail = f"{held.detail}; alone: {outcome.detail}"
            raise Withheld(held.reason, detail)
        anchor = anchor_of(outcome, self.locate, self.settings)
        plan = MaskPlan(
            state=outcome.state,
            how=Route.OWN,
            anchor=anchor,
            margin_mm=anchor.margin_mm,
            figures=outcome.figures,
        )
        return self._measured(series, plan)

    def _measured(self, series: HeadSeries, plan: MaskPlan) -> MaskPlan:
        """The plan with the ml of brain that it changes; raises Withheld if that is too much."""
        lost = brain_lost(
            series,
            plan=plan,
            template=self.template,
        )
        if lost > self.settings.gate.brain_lost_max_ml:
            raise Withheld(Reason.GATE_BRAIN, f"{lost:.2f} ml")
        figures = plan.figures | {"brain_lost_ml": lost}
        return replace(plan, figures=figures)


def _several(stacks: Sequence[Image]) -> Sequence[Image]:
    """Stacks that must agree with each other: none where there is one only."""
    if len(stacks) == 1:
        return ()
    return stacks


def _route(is_refined: bool, magnitude: HeadSeries | None) -> Route:
    """How the mask reaches a series that shows where it lies."""
    if not is_refined:
        return Route.COORDINATES
    if magnitude is not None:
        return Route.MAGNITUDE
    return Route.REFINED


def _parts_apart(motion: Motion) -> Withheld:
    """Why a series is withheld of which one part shows the head elsewhere."""
    detail = f"moved {motion.moved_mm:.0f} mm, contrast {motion.contrast:.2f}"
    return Withheld(Reason.PARTS_APART, detail)


def brain_lost(series: HeadSeries, plan: MaskPlan, template: Template) -> float:
    """Ml of the brain that a mask changes on a series.

    By the brain of its anchor where it was registered itself, else by its own, which MR and CT can
    show.
    """
    if plan.how in (Route.REFERENCE, Route.OWN):
        brain = plan.anchor.registered.brain
        return plan.mask().taken(brain.mask)
    if not _shows_brain(series):
        return 0.0

    affine = compose(plan.anchor.registered.affine, plan.motion)
    brain = brain_of(
        prepared(series),
        affine=affine,
        template_brain=template.brain,
    )
    if brain.source is BrainSource.TEMPLATE:
        return 0.0
    return plan.mask().taken(brain.mask)


def _shows_brain(series: HeadSeries) -> bool:
    """Whether the brain of a series can be found in it."""
    if series.about.modality not in ("MR", "CT"):
        return False
    return series.component == "M" and series.is_thick


def _on_one_grid(first: Image, second: Image) -> bool:
    """Whether two images have their voxels at the same places."""
    if first.GetSize() != second.GetSize():
        return False
    is_near = np.allclose(
        first.GetOrigin(),
        second.GetOrigin(),
        atol=0.5,
    )
    is_parallel = np.allclose(
        first.GetDirection(),
        second.GetDirection(),
        atol=0.01,
    )
    return bool(is_near and is_parallel)
