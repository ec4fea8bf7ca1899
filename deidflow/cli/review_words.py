"""Decisions on the command line: what the words of `deidflow review` mean."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path

from deidflow.errors import UsageError
from deidflow.identity.secret import Keys, load_secret
from deidflow.release.dataset import ReviewRow, read_review
from deidflow.release.decisions import Action, CaseName, Point, Rectangle, Sight
from deidflow.report.read_facts import layout_of
from deidflow.review.desk import Desk, Wish
from deidflow.review.queue import Choice
from deidflow.review.sign_off import REVIEW_KEY

_ACTIONS = tuple(action for action in Action if action is not Action.UNDO)


@dataclass(frozen=True)
class Draw:
    """How the queue is drawn, as somebody asks on the command line."""

    blind: str = ""
    sample: float | None = None
    """None takes what the run of the release asked for; an older release is shown whole."""
    again: float | None = None


def open_desk(release: Path, vault: Path, draw: Draw) -> Desk:
    """The desk of a release; needs the secret, by which a sample is drawn."""
    layout = layout_of(release.resolve(), vault.resolve())
    review = read_review(layout.release) or ReviewRow(100.0, 0.0)
    choice = Choice(
        blind_seed=draw.blind,
        sample_percent=_percent("--sample", draw.sample, review.sample_percent),
        again_percent=_percent("--again", draw.again, review.again_percent),
    )
    keys = Keys(
        load_secret(layout.vault, create=False),
        layout.project,
        layout.level,
    )
    return Desk(
        layout,
        keys.derive(REVIEW_KEY),
        choice,
    )


def _percent(flag: str, asked: float | None, otherwise: float) -> float:
    percent = otherwise if asked is None else asked
    if not 0 <= percent <= 100:
        raise UsageError(f"{flag} is a share in percent; expected 0 to 100")
    return percent


def account_name() -> str:
    """The name of the account that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UsageError("this account has no name; say who decides with --who") from None


@dataclass(frozen=True)
class Words:
    """One decision as it is typed."""

    case: str
    action: str
    saw: tuple[str, ...] = ()
    landmarks: tuple[str, ...] = ()
    rectangles: tuple[str, ...] = ()
    second: bool = False
    """It is the answer of a second look."""


def take_decision(desk: Desk, words: Words, who: str) -> int:
    """Store and carry out one decision; the pictures of the case are taken as what was seen."""
    name = _case_name(words.case)
    action = _action(words.action)
    card = desk.card(desk.case(name))
    wish = Wish(
        action,
        tuple(_sight(word) for word in words.saw),
        seen=card.views.digest if card.views.views else "",
        landmarks=tuple(_landmark(text) for text in words.landmarks),
        rectangles=tuple(_rectangle(text) for text in words.rectangles),
    )
    desk.decide(
        name,
        wish,
        who,
        again=words.second,
    )
    desk.close()
    print(f"{name}: {action.value}")
    return 0


def take_back(desk: Desk, case: str, who: str, *, second: bool) -> int:
    """Take back the last decision on a case."""
    name = _case_name(case)
    desk.undo(
        name,
        who,
        again=second,
    )
    desk.close()
    print(f"{name}: the last decision is taken back; it counts in the next run")
    return 0


def _landmark(text: str) -> Point:
    name, _, place = text.partition("=")
    try:
        x, y, z = (float(number) for number in place.split(","))
    except ValueError:
        raise UsageError(
            f"'{text}' is not a landmark; expected one such as nose=1.5,-92,-40 (LPS mm)"
        ) from None
    return Point(name, x, y, z)


def _rectangle(text: str) -> Rectangle:
    try:
        top, left, rows, columns = (int(number) for number in text.split(","))
    except ValueError:
        raise UsageError(
            f"'{text}' is not a rectangle; expected TOP,LEFT,ROWS,COLUMNS in pixels"
        ) from None
    return Rectangle(top, left, rows, columns)


def _case_name(text: str) -> CaseName:
    name = CaseName.parse(text)
    if name is None:
        raise UsageError(f"'{text}' is not a case; expected one such as P001/M00/001-MR")
    return name


def _action(word: str) -> Action:
    for action in _ACTIONS:
        if action.value == word:
            return action
    expected = ", ".join(action.value for action in _ACTIONS)
    raise UsageError(f"'{word}' is not a decision; expected one of {expected}")


def _sight(word: str) -> Sight:
    for sight in Sight:
        if sight.value == word:
            return sight
    expected = ", ".join(sight.value for sight in Sight)
    raise UsageError(f"'{word}' is not something to see; expected one of {expected}")
