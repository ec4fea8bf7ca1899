"""What a person may decide on a series, and what is kept of a decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Action(StrEnum):
    """What a person decides on a series."""

    ACCEPT = "accept"
    MARGIN = "larger-margin"
    ENGINE = "other-engine"
    LANDMARKS = "landmarks"
    """The mask comes from points of the face that the person set."""
    RECTANGLES = "rectangles"
    """Text in these rectangles of every frame is blanked."""
    WITHHOLD = "withhold"
    UNDO = "undo"
    """Takes back the decision before on the same series."""


class Sight(StrEnum):
    """What a person saw in the pictures; the reason of a decision."""

    EYES = "eyes"
    NOSE = "nose"
    MOUTH = "mouth"
    EARS = "ears"
    BROW = "brow"
    BRAIN_CUT = "brain-cut"
    NOT_A_HEAD = "not-a-head"
    TEXT = "text"


@dataclass(frozen=True)
class CaseName:
    """A series as commands and pages name it: `P001/M00/001-MR`."""

    subject: str
    session: str
    series: str

    def __str__(self) -> str:
        return f"{self.subject}/{self.session}/{self.series}"

    @classmethod
    def parse(cls, text: str) -> CaseName | None:
        """The case of this name; None where it has another form."""
        parts = text.split("/")
        if len(parts) != 3 or not all(parts):
            return None
        return cls(*parts)


@dataclass(frozen=True)
class Point:
    """A landmark of the face that a person set, in LPS mm of the patient."""

    name: str
    x: float
    y: float
    z: float


@dataclass(frozen=True)
class Rectangle:
    """Pixels of the stored matrix, of every frame of a series."""

    top: int
    left: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Decision:
    """One decision: on what, by whom, when, and what the person was shown."""

    case: CaseName
    action: Action
    sights: tuple[Sight, ...]
    who: str
    when: str
    """UTC, ISO 8601, to the second."""
    seen: str
    """SHA-256 of the pictures that were shown; empty where none was."""
    outputs: str
    """Hash of the series' released files at that time; empty where it was not released."""
    seconds: float = 0.0
    """How long the case was looked at."""
    source: str = ""
    """Hash of the source instances at that time: what is said of them holds for no others."""
    again: bool = False
    """The case was shown a second time, to see whether the answer is the same."""
    landmarks: tuple[Point, ...] = ()
    rectangles: tuple[Rectangle, ...] = ()

    def is_about(self, outputs: str) -> bool:
        """Whether it was taken on the series as it stands; an acceptance counts for no other."""
        return self.outputs == outputs


def undone(decision: Decision, who: str, when: str) -> Decision:
    """The entry that takes a decision back."""
    return replace(
        decision,
        action=Action.UNDO,
        who=who,
        when=when,
        seconds=0.0,
    )
