"""Words of the pages, from data that people can review: advice, figures, limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from deidflow.resources import load_yaml
from deidflow.settings.face import GateSettings
from deidflow.verdicts import Reason


class Urgency(IntEnum):
    """How soon a person has to look; lower is sooner."""

    NOW = 1
    SOON = 2
    DECIDE = 3
    NOTHING = 4

    @property
    def words(self) -> str:
        """The heading over what has this urgency."""
        return _URGENCY_WORDS[self]


_URGENCY_WORDS = {
    Urgency.NOW: "look now",
    Urgency.SOON: "can be won back",
    Urgency.DECIDE: "a decision of the site",
    Urgency.NOTHING: "nothing to do",
}


@dataclass(frozen=True)
class Advice:
    """What to do about one reason."""

    urgency: Urgency
    words: str
    by_review: bool
    """Whether a person who looks at pictures can decide."""


@dataclass(frozen=True)
class FigureWords:
    """One figure of the face step, explained."""

    name: str
    title: str
    unit: str
    meaning: str
    least: float | None
    most: float | None
    coarse: float

    @property
    def bounds(self) -> list[float]:
        """The limits that there are."""
        return [bound for bound in (self.least, self.most) if bound is not None]

    def room(self, value: float) -> float:
        """How far a value is from its nearest limit; negative beyond it."""
        rooms = []
        if self.least is not None:
            rooms.append(value - self.least)
        if self.most is not None:
            rooms.append(self.most - value)
        return min(rooms)

    def passes(self, value: float) -> bool:
        """Whether a value lies within the limits; what is not a number does not."""
        return self.room(value) >= 0

    def rounded(self, value: float) -> float:
        """A value for pages that are shared; what passes still passes once it is rounded."""
        steps = round(value / self.coarse)
        near = round(steps * self.coarse, 6)
        still_passes = self.passes(near)
        if still_passes or not self.passes(value):
            return near
        return min(self.bounds, key=lambda bound: abs(bound - value))


@dataclass(frozen=True)
class Limit:
    """Something that a release is not protected against."""

    title: str
    words: str


def advice_for(code: str) -> Advice:
    """The advice for a reason's code; unknown codes ask to be looked at."""
    row = load_yaml("report/advice.yaml").get(code)
    if row is None:
        return Advice(
            Urgency.SOON,
            "Read the session's tools.log in the vault.",
            by_review=False,
        )
    return Advice(
        urgency=Urgency(row["urgency"]),
        words=row["do"],
        by_review=row.get("review", False),
    )


def reason_words(code: str) -> str:
    """The sentence of a reason's code; the code itself where it is not known."""
    for reason in Reason:
        if reason.value == code:
            return reason.words
    return code


@lru_cache(maxsize=1)
def figure_words() -> dict[str, FigureWords]:
    """Every figure that is explained, with the limits of the default gate, by name."""
    gate = GateSettings()
    figures = {}
    for name, row in load_yaml("report/figures.yaml").items():
        least = row.get("min")
        most = row.get("max")
        words = FigureWords(
            name=name,
            title=row["title"],
            unit=row["unit"],
            meaning=row["says"],
            least=getattr(gate, least) if least else None,
            most=getattr(gate, most) if most else None,
            coarse=float(row["coarse"]),
        )
        figures[name] = words

    return figures


def limits_of(level: str) -> tuple[Limit, ...]:
    """What a release of this level is not protected against."""
    limits = []
    for row in load_yaml("report/limits.yaml"):
        if level in row["for"]:
            limits.append(Limit(row["title"], row["says"]))
    return tuple(limits)
