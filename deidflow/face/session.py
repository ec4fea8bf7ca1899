"""The mask of a session's registered head, carried to each of its series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from deidflow.errors import Withheld
from deidflow.face.affine import IDENTITY, Array, apply, compose, inverse
from deidflow.face.anchor import Anchor, Locate, anchor_of, can_be_registered
from deidflow.face.brain import BrainSource, brain_of
from deidflow.face.candidate import Refused, attempt
from deidflow.face.copies import MOST_COPIES, Copies, copies_of, head_distance
from deidflow.face.face_in_view import state_in_view
from deidflow.face.mask import Field
from deidflow.face.mask_plan import MaskPlan, Route
from deidflow.face.outline import outline_match
from deidflow.face.parts import Parts, trusted
from deidflow.face.prepare import prepared
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image
from deidflow.settings.face import DefaceSettings
from deidflow.verdicts import Reason


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
        """The plan with the copies of the face and the ml of brain that it changes.

        Raises Withheld where either is too much.
        """
        moves = self._moves(series, plan)
        if len(moves) > MOST_COPIES:
            raise Withheld(Reason.FACE_COPIED, f"{len(moves)} copies")
        if len(moves):
            plan = replace(plan, copies=Copies(moves, self._head_of(plan)))

        lost = brain_lost(
            series,
            plan=plan,
            template=self.template,
        )
        if lost > self.settings.gate.brain_lost_max_ml:
            raise Withheld(Reason.GATE_BRAIN, f"{lost:.2f} ml")
        figures = plan.figures | {"brain_lost_ml": lost, "copies": float(len(moves))}
        return replace(plan, figures=figures)

    def _moves(self, series: HeadSeries, plan: MaskPlan) -> Array:
        """From the face to where a series shows it once more, mm, (n, 3).

        Phase does not say, its magnitude does.
        """
        source = self._magnitude_of(series) or series
        if source.component != "M" or source.about.modality != "MR":
            return np.empty((0, 3))

        head = self._head_of(plan).seen_from(plan.motion)
        mask = plan.mask()
        moves: list[Array] = []
        for stack in source.stacks:
            found = copies_of(
                stack,
                head,
                self.template,
                mask,
                in_slices=source.about.acquisition_type == "2D",
            )
            moves.append(found)
        return np.concatenate(moves)

    @cached_property
    def _head_distance(self) -> Image:
        return head_distance(self.template)

    def _head_of(self, plan: MaskPlan) -> Field:
        """The template's head in the world of a plan's anchor."""
        return Field(self._head_distance, plan.anchor.registered.affine)


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
