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
from deidflow.face.candidate import Refused, attempt
from deidflow.face.face_in_view import FaceState, state_in_view
from deidflow.face.features import Features
from deidflow.face.folded import folded_share
from deidflow.face.mask import WorldMask
from deidflow.face.outline import outline_match
from deidflow.face.parts import Parts, StackMotion, trusted
from deidflow.face.prepare import prepared
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
    stacks: tuple[StackMotion, ...] = ()
    """The same of each stack that moved by itself."""
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
    parts: Parts
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
            parts=Parts(
                volume=registered.series.main,
                face=apply(to_subject, template.points["surface"]),
                gate=settings.gate,
            ),
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
            if series.about.modality == "PT" and held.reason is Reason.NOT_CARRIED:
                return self._outlined_plan(series, held)
            return self._own_plan(series, held)

    def _reference_plan(self, series: HeadSeries) -> MaskPlan:
        """The plan of the registered series itself."""
        stacks = self.parts.stack_motions(series, first=1)
        self.parts.check_run(series, IDENTITY)
        registered = self.anchor.registered
        plan = MaskPlan(
            state=registered.state,
            how=Route.REFERENCE,
            anchor=self.anchor,
            stacks=stacks,
            margin_mm=self.anchor.margin_mm,
            figures=registered.figures,
        )
        return self._measured(series, plan)

    def _carried_plan(self, series: HeadSeries) -> MaskPlan:
        """The plan of a series that shows the registered head; raises Withheld otherwise."""
        magnitude = self._magnitude_of(series)
        source = magnitude or series
        motion = self.parts.checked(source.stacks)
        affine = trusted(motion)
        stacks = self.parts.stack_motions(source)
        if magnitude is None:
            self.parts.check_run(series, affine)

        to_template = compose(self.anchor.registered.affine, affine)
        plan = MaskPlan(
            state=state_in_view(series, to_template, self.template),
            how=_route(motion.gain > 0, magnitude),
            anchor=self.anchor,
            motion=affine,
            stacks=stacks,
            margin_mm=self.anchor.carried_margin_mm,
            figures={
                "moved_mm": motion.moved_mm,
                "gain": motion.gain,
                "contrast": motion.contrast,
            },
        )
        return self._measured(series, plan)

    def _outlined_plan(self, series: HeadSeries, held: Withheld) -> MaskPlan:
        """The plan of a PET that shows nothing sharply but the outline of the same body.

        Coordinates alone carry the mask: `held` says why the image does not.
        """
        match = outline_match(series.main, self.anchor.registered.head.mask)
        gate = self.settings.gate
        is_there = match.overlap >= gate.outline_overlap_min
        if len(series.stacks) > 1 or not is_there or match.shift_mm > gate.outline_shift_max_mm:
            detail = f"{held.detail}; outline {match.overlap:.2f}, {match.shift_mm:.0f} mm"
            raise Withheld(held.reason, detail)

        return MaskPlan(
            state=state_in_view(series, self.anchor.registered.affine, self.template),
            how=Route.COORDINATES,
            anchor=self.anchor,
            margin_mm=max(self.anchor.carried_margin_mm, self.settings.carried_margin_mm),
            figures={
                "outline_overlap": match.overlap,
                "outline_shift_mm": match.shift_mm,
            },
        )

    def _magnitude_of(self, series: HeadSeries) -> HeadSeries | None:
        """The magnitude series on the grid of a phase series."""
        if series.component == "M":
            return None
        for sibling in self.siblings:
            if sibling.component == "M" and _on_one_grid(sibling.main, series.main):
                return sibling
        return None

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
        """The plan with the ml of brain that it changes; raises Withheld if that is too much,

        or if a part of the face is seen where no mask is."""
        lost = brain_lost(
            series,
            plan=plan,
            template=self.template,
        )
        if lost > self.settings.gate.brain_lost_max_ml:
            raise Withheld(Reason.GATE_BRAIN, f"{lost:.2f} ml")
        folded = self._folded(series, plan)
        if folded > self.settings.gate.folded_max:
            raise Withheld(Reason.FACE_FOLDED, f"{folded:.0%} tissue")
        figures = plan.figures | {"brain_lost_ml": lost, "folded": folded}
        return replace(plan, figures=figures)

    def _folded(self, series: HeadSeries, plan: MaskPlan) -> float:
        """How much of a folded face a series shows; phase says nothing, its magnitude does."""
        source = self._magnitude_of(series) or series
        if source.component != "M" or source.about.modality != "MR":
            return 0.0

        affine = compose(plan.anchor.registered.affine, plan.motion)
        shares = [folded_share(stack, affine, self.template) for stack in source.stacks]
        return max(shares)


def _route(is_refined: bool, magnitude: HeadSeries | None) -> Route:
    """How the mask reaches a series that shows where it lies."""
    if not is_refined:
        return Route.COORDINATES
    if magnitude is not None:
        return Route.MAGNITUDE
    return Route.REFINED


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
        template=template,
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
