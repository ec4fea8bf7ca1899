"""The series of a session that is registered, and what is carried from it to the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from deidflow.face.brain import BrainSource, field_of, field_with_room
from deidflow.face.candidate import Refused, Registered, attempt
from deidflow.face.features import Features
from deidflow.face.mask import Field
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.template_regions import NEAREST_MM
from deidflow.settings.face import DefaceSettings

_MOST_TRIES, _MOSTLY_OUT_OF_VIEW = 3, 0.25
_WHOLE_HEAD_MM, _FINE_MM = 120, 1.5
_ROOM_BELOW_SKIN_MM = 2.0
"""Where only skin goes, the room around the brain is so much larger: no face lies there."""


class RegionKind(StrEnum):
    """Where a face region ends."""

    SKIN = "skin"
    """Below the subject's own skin, on a surface of the template."""
    BLOCK = "block"
    """On planes of the template: all in front of them goes."""
    PROGRAM = "program"
    """Where another engine says."""


@dataclass(frozen=True)
class FaceRegion:
    """What an engine removes, in the world of a registered series."""

    field: Field
    kind: RegionKind
    figures: Features


Locate = Callable[[Registered], FaceRegion]
"""The face region of an engine."""
Attempt = Callable[[HeadSeries, Template, DefaceSettings], Registered | Refused]
"""One way to register a series and to judge it."""


def rank_candidates(series: Sequence[HeadSeries]) -> list[HeadSeries]:
    """Series that can be registered, the best first.

    3-D T1-like series first, then other 3-D, then resolution and cover; MR before CT; no localizer,
    no colour.
    """
    candidates = [candidate for candidate in series if can_be_registered(candidate)]
    return sorted(
        candidates,
        key=lambda candidate: (_rank(candidate), candidate.name),
        reverse=True,
    )


def can_be_registered(series: HeadSeries) -> bool:
    """Whether a series shows enough of a head to be registered by itself."""
    about = series.about
    if about.modality not in ("MR", "CT") or about.colour:
        return False
    return series.component == "M" and series.is_thick


def _rank(series: HeadSeries) -> tuple[float, ...]:
    """What makes a series a good reference, the most important first; more is better."""
    about, volume = series.about, series.main
    extents: list[float] = []
    for axis, size in enumerate(volume.GetSize()):
        extents.append(size * volume.GetSpacing()[axis])

    cover = min(extents)
    is_fine = about.acquisition_type == "3D" or series.resolution_mm < _FINE_MM
    return (
        float(about.modality == "MR"),
        float(series.volumes == 1 and is_fine),
        float(about.t1_like),
        float("DERIVED" not in about.image_type),
        float(cover > _WHOLE_HEAD_MM),
        -round(series.resolution_mm, 1),
        cover,
    )


def register_session(
    series: Sequence[HeadSeries],
    template: Template,
    settings: DefaceSettings,
    way: Attempt = attempt,
) -> tuple[Registered | None, list[Refused]]:
    """Register the best candidate that passes the gate; at most three are tried."""
    refused: list[Refused] = []
    for candidate in rank_candidates(series)[:_MOST_TRIES]:
        outcome = way(candidate, template, settings)
        if isinstance(outcome, Registered):
            return outcome, refused
        refused.append(outcome)
    return None, refused


@dataclass(frozen=True)
class Anchor:
    """A registered head from which masks are carried: its face region and brain, as distances."""

    registered: Registered
    face: Field
    brain: Field
    brain_margin_mm: float
    margin_mm: float
    """Growth of the region on this head itself."""
    carried_margin_mm: float
    """The same on other series."""
    kind: RegionKind

    @property
    def name(self) -> str:
        """The series that was registered."""
        return self.registered.series.name


def anchor_of(registered: Registered, locate: Locate, settings: DefaceSettings) -> Anchor:
    """What is carried from a registered head.

    Raises Withheld where the engine's region does not fit.
    """
    region = locate(registered)
    figures = registered.figures | region.figures
    growth = _growth_mm(registered, region.kind, settings)
    brain_margin = _brain_margin_mm(registered, settings)
    return Anchor(
        replace(registered, figures=figures),
        face=region.field,
        brain=_brain_field(registered, brain_margin, region.kind),
        brain_margin_mm=brain_margin,
        margin_mm=growth,
        carried_margin_mm=max(growth, _carried_growth_mm(region.kind, settings)),
        kind=region.kind,
    )


def _brain_field(registered: Registered, margin_mm: float, kind: RegionKind) -> Field:
    """What is kept: the brain and the room around it.

    The brain alone where the field of view ends in the face, which may lie in that room then.
    """
    if is_mostly_out_of_view(registered):
        return field_of(registered.brain)
    more_room_mm = _ROOM_BELOW_SKIN_MM if kind is RegionKind.SKIN else 0.0
    return field_with_room(registered.brain, margin_mm - more_room_mm)


def _brain_margin_mm(registered: Registered, settings: DefaceSettings) -> float:
    """What lies this near to the brain stays.

    More stays where only the template says where the brain is.
    """
    margin = settings.brain_margin_mm
    if registered.series.about.modality == "CT":
        margin = settings.skull_margin_mm
    if registered.brain.source is BrainSource.TEMPLATE:
        margin = max(margin, NEAREST_MM)
    return margin


def _growth_mm(registered: Registered, kind: RegionKind, settings: DefaceSettings) -> float:
    """How much a region grows; one that ends below the skin, or of another engine, does not.

    Where the field of view ends in the face, the head can be registered too low or too high, and
    the region grows more.
    """
    growth = 0.0
    if kind is RegionKind.BLOCK:
        growth = settings.margin_mm
    if is_mostly_out_of_view(registered):
        growth = max(growth, settings.partial_margin_mm)
    return growth


def is_mostly_out_of_view(registered: Registered) -> bool:
    """Whether most of the face is outside the field of view."""
    return registered.figures["front_in_view"] < _MOSTLY_OUT_OF_VIEW


def _carried_growth_mm(kind: RegionKind, settings: DefaceSettings) -> float:
    """How much a region grows on series to which it is carried."""
    if kind is RegionKind.SKIN:
        return settings.skin.carried_margin_mm
    return settings.carried_margin_mm
