"""What each step says of a session: what later steps, tables and pages read of its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deidflow.burned.rectangles import Rectangle
from deidflow.states import SeriesState, TextState
from deidflow.verdicts import Reason


@dataclass(frozen=True)
class Held:
    """A series that may not go on."""

    reason: Reason
    detail: str = ""
    state: SeriesState = SeriesState.QUARANTINED


@dataclass(frozen=True)
class AnonymizedSeries:
    """The headers of a series."""

    instances: int
    contacts: tuple[tuple[str, str, int], ...] = ()
    """Private attribute, what it seems to hold, in how many instances."""
    state: SeriesState = SeriesState.ANONYMIZED


@dataclass(frozen=True)
class ConvertedSeries:
    """The images of a series; `outputs` are the suffixes of their names."""

    outputs: tuple[str, ...]
    state: SeriesState = SeriesState.CONVERTED


@dataclass(frozen=True)
class InspectedSeries:
    """A series that says nothing of a person in its pixels, once its rectangles are blanked."""

    images: int = 0
    """Images and projections that were read."""
    is_clean: bool = False
    """Whether every image was read, or blanked and read again: what its header may then say."""
    rectangles: tuple[tuple[Rectangle, ...], ...] = ()
    """What is blanked in each instance, in the order of the work order; none where nothing is."""
    rules: tuple[str, ...] = ()
    """Names of the device rules that fit."""
    state: SeriesState = SeriesState.READ

    def of_instance(self, number: int) -> tuple[Rectangle, ...]:
        """What is blanked in an instance, numbered from 1."""
        return self.rectangles[number - 1] if self.rectangles else ()


@dataclass(frozen=True)
class MovedStack:
    """A stack of a series that moved by itself: its planes' key, and its motion (4 x 4)."""

    key: list[float]
    motion: list[list[float]]


@dataclass(frozen=True)
class AverageFields:
    """How the template's average face is laid into a series."""

    affine: list[list[float]]
    """World of the series (LPS, mm) to that of the template, 3 x 4."""
    gain: float
    """Real values of the series over those of the template, above air."""
    air: float


@dataclass(frozen=True)
class MaskFields:
    """Where the distance fields of a mask are, and how to see them from the series.

    Affines and `motion` are 4 x 4, voxel or world (LPS, mm) to world.
    """

    brain: str
    """File in the step's outputs."""
    face: str
    """The same; empty where the template's own field is meant."""
    digest: str
    face_affine: list[list[float]]
    motion: list[list[float]]
    margin_mm: float
    brain_margin_mm: float
    stacks: tuple[MovedStack, ...] = ()
    average: AverageFields | None = None
    """None where the fill is one value."""
    head: str = ""
    """File of the head that is spared where copies of the face are removed; empty without any."""
    copies: list[list[float]] = field(default_factory=list)
    """From the face to each copy of it, mm in the world of the series."""


@dataclass(frozen=True)
class DefacePlan:
    """What is to be done to a series; without a mask all its pixels are kept."""

    state: SeriesState
    how: str
    mask: MaskFields | None = None
    region: str = ""
    """Where the face region ends: `skin`, `block`, or by another engine's `program`."""
    figures: Mapping[str, float | None] = field(default_factory=dict)
    forced: str = ""
    """The reason of the site's rule that forced this series through defacing."""
    by_person: tuple[str, ...] = ()
    """What people asked for on which it rests."""


@dataclass(frozen=True)
class BuiltSeries:
    """A series as it is staged."""

    state: SeriesState
    instances: int
    overlay_bits_cleared: int = 0
    """Instances in which bits outside the stored values were cleared."""
    removed: int = 0
    """Pixels inside the mask."""
    text: TextState = TextState.NOT_READ
    """What was done about text in the pixels."""
    refaced: bool = False
    """Whether they show an average face."""


@dataclass(frozen=True)
class RefusedHead:
    """A series that was tried as the session's head and did not pass the gate."""

    series: str
    reason: Reason
    detail: str
    figures: Mapping[str, float | None]


@dataclass(frozen=True)
class AnonymizeResult:
    """The headers of a session."""

    series: Mapping[str, AnonymizedSeries | Held]


@dataclass(frozen=True)
class ConvertResult:
    """The images of a session."""

    series: Mapping[str, ConvertedSeries | Held]


@dataclass(frozen=True)
class InspectResult:
    """The text in the pixels of a session."""

    series: Mapping[str, InspectedSeries | Held]


@dataclass(frozen=True)
class DefaceResult:
    """The registered head of a session, and what its series get from it."""

    reference: str | None
    refused: tuple[RefusedHead, ...]
    series: Mapping[str, DefacePlan | Held]


@dataclass(frozen=True)
class ReconstructResult:
    """A session as it is staged."""

    series: Mapping[str, BuiltSeries | Held]

    @property
    def has_something(self) -> bool:
        """Whether any series may go out."""
        series = self.series.values()
        return any(isinstance(row, BuiltSeries) for row in series)


@dataclass(frozen=True)
class PublishResult:
    """The session is in the release."""


SeriesResult = (
    AnonymizedSeries | ConvertedSeries | InspectedSeries | DefacePlan | BuiltSeries | Held
)


def series_of(result: object) -> Mapping[str, SeriesResult]:
    """The series of a result; none for steps that concern the session as a whole."""
    series: Mapping[str, SeriesResult] = getattr(result, "series", {})
    return series


def held_series(result: object) -> dict[str, Held]:
    """The series that a step withheld."""
    held = {}
    for name, row in series_of(result).items():
        if isinstance(row, Held):
            held[name] = row
    return held
