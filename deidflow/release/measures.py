"""What the decisions of people ask of the steps of a run, series by series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from deidflow.release.decision_record import histories, read_entries
from deidflow.release.decisions import Action, Decision, Point, Rectangle, Sight
from deidflow.verdicts import Reason

NOT_YET_A_HEAD = frozenset(
    (
        Reason.NO_HEAD_REGISTERED,
        Reason.SIBLING_HELD,
        Reason.GATE_AGREEMENT,
        Reason.GATE_FEATURES,
        Reason.NOT_CARRIED,
        Reason.SKIP_REFUSED,
    )
)
"""Reasons of series in which no step found a head: of these a person may say that it is none."""
MOST_MARGINS = 3
"""How often people may ask for a larger margin: the distances of a mask end soon after."""


@dataclass(frozen=True)
class Measures:
    """What people's decisions on one series ask for, all of them together."""

    withhold: bool = False
    other_engine: bool = False
    margins: int = 0
    """How often a larger margin was asked for, each time on another outcome."""
    no_head: bool = False
    """It is not a head: the whole of it may go out."""
    landmarks: tuple[Point, ...] = ()
    rectangles: tuple[Rectangle, ...] = ()
    source: str = ""
    """Hash of the source instances for which `no_head`, `landmarks` and `rectangles` hold."""

    @property
    def asks_for_mask(self) -> bool:
        """Whether they concern the mask, or that there is none."""
        return bool(self.other_engine or self.margins or self.no_head or self.landmarks)

    def mask_row(self) -> dict[str, Any]:
        """What of them a mask depends on, for the key of a step."""
        row = asdict(self)
        del row["withhold"], row["rectangles"]
        return row

    def for_source(self, source: str) -> Measures:
        """What of them holds for these source instances."""
        return _still_valid(self, source)


SessionMeasures = Mapping[str, Measures]
"""Series -> what people ask for."""
NO_MEASURES = Measures()


def measures_in_force(path: Path) -> dict[tuple[str, str], dict[str, Measures]]:
    """Pseudonym and label -> what is asked for on the session's series.

    Raises EnvironmentFault where the record was changed or cut.
    """
    sessions: dict[tuple[str, str], dict[str, Measures]] = {}
    for case, decisions in histories(read_entries(path)).items():
        session = sessions.setdefault(
            (case.subject, case.session),
            {},
        )
        session[case.series] = measures_of(decisions)
    return sessions


def measures_of(decisions: Iterable[Decision]) -> Measures:
    """What decisions on one series come to, oldest first.

    An acceptance of what was made keeps how it was made. Of the ways to get a mask the last counts.
    """
    measures = NO_MEASURES
    outcomes: set[str] = set()
    for decision in decisions:
        if decision.action is Action.MARGIN:
            outcomes.add(decision.outputs)
        measures = _with(measures, decision)
    return replace(
        measures,
        margins=min(len(outcomes), MOST_MARGINS),
    )


def _with(measures: Measures, decision: Decision) -> Measures:
    """The measures after one more decision."""
    if decision.action is Action.WITHHOLD:
        return replace(measures, withhold=True)

    kept = _still_valid(
        replace(measures, withhold=False),
        decision.source,
    )
    match decision.action:
        case Action.ACCEPT:
            return _accepted(kept, decision)
        case Action.ENGINE:
            return replace(
                kept,
                other_engine=True,
                no_head=False,
                landmarks=(),
            )
        case Action.LANDMARKS:
            return replace(
                kept,
                other_engine=False,
                no_head=False,
                landmarks=decision.landmarks,
                source=decision.source,
            )
        case Action.RECTANGLES:
            return replace(
                kept,
                rectangles=decision.rectangles,
                source=decision.source,
            )
        case _:
            return replace(kept, no_head=False)


def _still_valid(measures: Measures, source: str) -> Measures:
    """What of them still holds when a decision was taken on these source instances."""
    if measures.source in ("", source):
        return measures
    return replace(
        measures,
        no_head=False,
        landmarks=(),
        rectangles=(),
        source="",
    )


def _accepted(measures: Measures, decision: Decision) -> Measures:
    """An acceptance says something new only of what is held: that it is not a head."""
    is_held = not decision.outputs
    if is_held and Sight.NOT_A_HEAD in decision.sights:
        return replace(
            measures,
            no_head=True,
            landmarks=(),
            source=decision.source,
        )
    return measures


def withheld(measures: SessionMeasures) -> list[str]:
    """The series that people withheld, sorted."""
    return sorted(series for series, row in measures.items() if row.withhold)
