"""Decisions on the command line: what the words of `deidflow review` mean."""

from __future__ import annotations

import getpass
from pathlib import Path

from deidflow.errors import UsageError
from deidflow.identity.secret import Keys, load_secret
from deidflow.release.decisions import Action, CaseName, Sight
from deidflow.report.read_facts import layout_of
from deidflow.review.desk import Desk, Wish
from deidflow.review.queue import Choice

_ACTIONS = tuple(action for action in Action if action is not Action.UNDO)


def open_desk(release: Path, vault: Path, *, blind: str, sample: float) -> Desk:
    """The desk of a release; needs the secret, by which a sample is drawn."""
    if not 0 <= sample <= 100:
        raise UsageError("--sample is a share in percent; expected 0 to 100")
    layout = layout_of(release.resolve(), vault.resolve())
    keys = Keys(
        load_secret(layout.vault, create=False),
        layout.project,
        layout.level,
    )
    return Desk(
        layout,
        keys.derive("review"),
        Choice(blind, sample),
    )


def account_name() -> str:
    """The name of the account that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UsageError("this account has no name; say who decides with --who") from None


def take_decision(desk: Desk, words: tuple[str, str], saw: tuple[str, ...], who: str) -> int:
    """Store and carry out one decision; the pictures are taken as not seen."""
    name = _case_name(words[0])
    action = _action(words[1])
    sights = tuple(_sight(word) for word in saw)
    desk.decide(
        name,
        Wish(action, sights),
        who,
    )
    print(f"{name}: {action.value}")
    return 0


def take_back(desk: Desk, case: str, who: str) -> int:
    """Take back the last decision on a case."""
    name = _case_name(case)
    desk.undo(name, who)
    print(f"{name}: the last decision is taken back; it counts in the next run")
    return 0


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
