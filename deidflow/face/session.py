"""One registration a session: the choice of the reference, and its face region carried to every series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from deidflow.errors import Withheld
from deidflow.face.affine import IDENTITY, Array, apply, compose, inverse
from deidflow.face.brain import brain_of, field_of
from deidflow.face.candidate import Refused, Registered, attempt, state_in_view
from deidflow.face.features import Features
from deidflow.face.mask import Field, WorldMask
from deidflow.face.prepare import prepared
from deidflow.face.refine import Motion, Reference, refine
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.template_regions import NEAREST_MM
from deidflow.face.volume import Image
from deidflow.settings.face import DefaceSettings
from deidflow.verdicts import Reason

_MOST_TRIES, _MOSTLY_OUT_OF_VIEW = 3, 0.25
Locate = Callable[[Registered], Field]
"""The face region of an engine, in the world of a registered series."""


@dataclass(frozen=True)
class Anchor:
    """A registered head from which masks are carried: its face region and brain, as distances."""

    registered: Registered
    face: Field
    brain: Field
    brain_margin_mm: float
    margin_mm: float
    """Growth of the region on this head itself."""

    @property
    def name(self) -> str:
        """The series that was registered."""
        return self.registered.series.name


@dataclass(frozen=True)
class MaskPlan:
    """What one series gets: a state, and how the mask of an anchor reaches it."""

    state: str
    how: str
    """`reference`, `refined`, `coordinates`, `magnitude` or `own`."""
    anchor: Anchor
    motion: Array = field(default_factory=lambda: IDENTITY)
    """World of the series -> world of the anchor."""
    margin_mm: float = 0.0
    figures: Features = field(default_factory=dict)

    def mask(self) -> WorldMask:
        """The mask in the world of the series."""
        face, brain = (
            self.anchor.face.seen_from(self.motion),
            self.anchor.brain.seen_from(self.motion),
        )
        return WorldMask(face, self.margin_mm, brain, self.anchor.brain_margin_mm)


def rank_candidates(series: Sequence[HeadSeries]) -> list[HeadSeries]:
    """3-D T1-like series first, then other 3-D, then resolution and cover; MR before CT; no localizer, no colour."""
    scored = [(score, one) for one in series if (score := _score(one)) is not None]
    return [
        one for _, one in sorted(scored, key=lambda pair: (pair[0], pair[1].name), reverse=True)
    ]


def _score(series: HeadSeries) -> tuple[float, ...] | None:
    about, volume = series.about, series.main
    if (
        about.modality not in ("MR", "CT")
        or about.colour
        or series.component != "M"
        or not series.is_thick
    ):
        return None
    sizes, spacings = volume.GetSize(), volume.GetSpacing()
    cover = min(size * spacing for size, spacing in zip(sizes, spacings, strict=True))
    three_d = about.acquisition_type == "3D" or series.resolution_mm < 1.5
    return (
        float(about.modality == "MR"),
        float(series.volumes == 1 and three_d),
        float(about.t1_like),
        float("DERIVED" not in about.image_type),
        float(cover > 120),
        -round(series.resolution_mm, 1),
        cover,
    )


def register_session(
    series: Sequence[HeadSeries], template: Template, settings: DefaceSettings
) -> tuple[Registered | None, list[Refused]]:
    """Register the best candidate that passes the gate; at most three are tried."""
    refused: list[Refused] = []
    for candidate in rank_candidates(series)[:_MOST_TRIES]:
        outcome = attempt(candidate, template, settings)
        if isinstance(outcome, Registered):
            return outcome, refused
        refused.append(outcome)
    return None, refused


def anchor_of(registered: Registered, locate: Locate, settings: DefaceSettings) -> Anchor:
    """What is carried from a registered head; raises Withheld where the engine's region does not fit.

    Where only the template says where the brain is, the region does not grow towards it. Where the field of
    view ends in the face, the head can be registered too low or too high, and the region grows more.
    """
    tomography = registered.series.about.modality == "CT"
    margin = settings.skull_margin_mm if tomography else settings.brain_margin_mm
    if registered.brain.source == "template":
        margin = max(margin, NEAREST_MM)
    growth = settings.margin_mm if settings.engine == "template" else 0.0
    if registered.figures["front_in_view"] < _MOSTLY_OUT_OF_VIEW:
        growth = max(growth, settings.partial_margin_mm)
    return Anchor(registered, locate(registered), field_of(registered.brain), margin, growth)


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
        face = apply(inverse(registered.affine), template.points["surface"])
        reference = Reference.of(registered.series.main)
        return cls(anchor, reference, face, template, settings, locate, siblings)

    def fate(self, series: HeadSeries) -> MaskPlan:
        """What a series gets; raises Withheld where neither carrying nor its own registration holds."""
        registered = self.anchor.registered
        if series.name == registered.series.name:
            self._check_parts(series.stacks[1:], series.last)
            fate = MaskPlan(
                registered.state, "reference", self.anchor, IDENTITY, self.anchor.margin_mm
            )
            return self._measured(series, replace(fate, figures=registered.figures))
        try:
            return self._carried(series)
        except Withheld as held:
            return self._own(series, held)

    def _carried(self, series: HeadSeries) -> MaskPlan:
        magnitude = self._magnitude_of(series)
        motion = refine((magnitude or series).stacks, self.reference, self.face)
        how, affine = self._believed(motion)
        several = series.stacks if len(series.stacks) > 1 else ()
        if magnitude is None:
            self._check_parts(several, series.last)
        how = "magnitude" if magnitude is not None and how == "refined" else how
        state = state_in_view(series, compose(self.anchor.registered.affine, affine), self.template)
        found = {"moved_mm": motion.moved_mm, "gain": motion.gain, "contrast": motion.contrast}
        fate = MaskPlan(state, how, self.anchor, affine, self._carried_margin(), found)
        return self._measured(series, fate)

    def _check_parts(self, stacks: Sequence[Image], last: Sequence[Image]) -> None:
        """Each further stack, and the last volume, must show the head where the first does, else all is withheld.

        A last volume that shows nothing sharply (a diffusion weighting) contradicts nothing.
        """
        gate = self.settings.gate
        for stack, is_last in [*((one, False) for one in stacks), *((one, True) for one in last)]:
            motion = refine([stack], self.reference, self.face)
            blurred = motion.contrast < gate.carried_contrast_min
            if (blurred and not is_last) or (
                not blurred and motion.moved_mm > gate.carried_move_max_mm
            ):
                raise Withheld(
                    Reason.PARTS_APART,
                    f"moved {motion.moved_mm:.0f} mm, contrast {motion.contrast:.2f}",
                )

    def _carried_margin(self) -> float:
        return max(self.settings.carried_margin_mm, self.anchor.margin_mm)

    def _magnitude_of(self, series: HeadSeries) -> HeadSeries | None:
        """The magnitude series on the grid of a phase series."""
        if series.component == "M":
            return None
        same = [one for one in self.siblings if one.component == "M" and _on_one_grid(one, series)]
        return same[0] if same else None

    def _believed(self, motion: Motion) -> tuple[str, Array]:
        """The refined motion, or the scanner's own coordinates where no motion is better."""
        gate = self.settings.gate
        if motion.contrast < gate.carried_contrast_min:
            raise Withheld(Reason.NOT_CARRIED, f"contrast {motion.contrast:.2f}")
        if motion.moved_mm > gate.carried_move_max_mm:
            raise Withheld(Reason.NOT_CARRIED, f"moved {motion.moved_mm:.0f} mm")
        return ("refined", motion.affine) if motion.gain > 0 else ("coordinates", IDENTITY)

    def _own(self, series: HeadSeries, held: Withheld) -> MaskPlan:
        """Registered by itself where the session's registration does not hold for it."""
        if _score(series) is None or len(series.stacks) > 1 or held.reason is Reason.PARTS_APART:
            raise held
        outcome = attempt(series, self.template, self.settings)
        if isinstance(outcome, Refused):
            raise Withheld(held.reason, f"{held.detail}; alone: {outcome.detail}")
        anchor = anchor_of(outcome, self.locate, self.settings)
        fate = MaskPlan(outcome.state, "own", anchor, IDENTITY, anchor.margin_mm, outcome.figures)
        return self._measured(series, fate)

    def _measured(self, series: HeadSeries, fate: MaskPlan) -> MaskPlan:
        """The fate with the ml of brain that its mask would change; raises Withheld where that is too much."""
        lost = brain_lost(series, fate, self.template)
        if lost > self.settings.gate.brain_lost_max_ml:
            raise Withheld(Reason.GATE_BRAIN, f"{lost:.2f} ml")
        return replace(fate, figures=fate.figures | {"brain_lost_ml": lost})


def brain_lost(series: HeadSeries, fate: MaskPlan, template: Template) -> float:
    """Ml of the brain that a mask changes on a series, by the brain of its anchor and, on MR and CT, by its own."""
    brains = [fate.anchor.registered.brain.mask] if fate.how in ("reference", "own") else []
    if (
        series.about.modality in ("MR", "CT")
        and series.component == "M"
        and series.is_thick
        and not brains
    ):
        affine = compose(fate.anchor.registered.affine, fate.motion)
        own = brain_of(prepared(series), affine, template.brain)
        brains += [own.mask] if own.source == "own" else []
    return max((fate.mask().taken(brain) for brain in brains), default=0.0)


def _on_one_grid(one: HeadSeries, other: HeadSeries) -> bool:
    first, second = one.main, other.main
    return bool(
        first.GetSize() == second.GetSize()
        and np.allclose(first.GetOrigin(), second.GetOrigin(), atol=0.5)
        and np.allclose(first.GetDirection(), second.GetDirection(), atol=0.01)
    )
