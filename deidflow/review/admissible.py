"""What may be decided on a case: no decision lets out an unmasked head, or an identifier."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from deidflow.errors import UsageError
from deidflow.face.landmarks import affine_by_landmarks
from deidflow.release.decisions import Action, Point, Rectangle, Sight
from deidflow.release.measures import MOST_MARGINS, NOT_YET_A_HEAD
from deidflow.review.queue import Case


class Wanted(Protocol):
    """What somebody wants to decide."""

    @property
    def action(self) -> Action:
        """What is to be done."""

    @property
    def sights(self) -> tuple[Sight, ...]:
        """What was seen."""

    @property
    def rectangles(self) -> tuple[Rectangle, ...]:
        """Parts of the stored matrix."""

    @property
    def landmarks(self) -> tuple[Point, ...]:
        """Points of the face."""


def check_wish(case: Case, wish: Wanted) -> None:
    """Refuse what must not be decided so.

    Every decision but an acceptance needs to say what was seen, or where it is.
    """
    match wish.action:
        case Action.UNDO:
            raise UsageError("'undo' is not a decision on a case")
        case Action.ACCEPT:
            _check_acceptance(case, wish)
        case Action.LANDMARKS:
            _check_source(case)
            _check_landmarks(wish)
        case Action.RECTANGLES:
            _check_source(case)
            _check_rectangles(wish)
        case _ if not wish.sights:
            raise UsageError(f"say what is seen; '{wish.action.value}' needs a reason")
        case Action.MARGIN if case.measures.margins >= MOST_MARGINS:
            raise UsageError(
                "the margin was enlarged as often as it can be; ask for another engine, set "
                "landmarks, or withhold it"
            )


def _check_acceptance(case: Case, wish: Wanted) -> None:
    if case.session.findings:
        raise UsageError("the check found an identifier in this session; it cannot be accepted")
    if set(wish.sights) - {Sight.NOT_A_HEAD}:
        raise UsageError("what shows a face, a cut brain or text cannot be accepted")
    if case.is_out:
        return
    if Sight.NOT_A_HEAD not in wish.sights:
        raise UsageError(
            "there is no masked version of this series to accept; say that it is not a head, set "
            "landmarks, or ask for another engine"
        )
    _check_not_a_head(case)


def _check_not_a_head(case: Case) -> None:
    if case.series.reason not in NOT_YET_A_HEAD:
        raise UsageError(
            "there is no masked version of this series to accept, and a head was found in it or "
            "in its session's place: it cannot go out whole"
        )
    _check_source(case)


def _check_source(case: Case) -> None:
    if not case.source:
        raise UsageError("the vault does not know the source of this series; run again first")


def _check_rectangles(wish: Wanted) -> None:
    if not wish.rectangles:
        raise UsageError("draw a rectangle around the text first")


def _check_landmarks(wish: Wanted) -> None:
    points = {}
    for point in wish.landmarks:
        if point.name in points:
            raise UsageError(f"'{point.name}' is set twice")
        points[point.name] = np.array([point.x, point.y, point.z])
    affine_by_landmarks(points)
