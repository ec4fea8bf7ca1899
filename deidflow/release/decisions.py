"""Decisions of people, as JSON Lines in the vault: appended, each bound to the line before."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from deidflow.errors import EnvironmentFault

_SCHEMA = 1
_FIRST = "0" * 64
"""What the first line is bound to."""


class Action(StrEnum):
    """What a person decides on a series."""

    ACCEPT = "accept"
    MARGIN = "larger-margin"
    ENGINE = "other-engine"
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

    def is_about(self, outputs: str) -> bool:
        """Whether it was taken on the series as it stands; an acceptance counts for no other."""
        return self.outputs == outputs


@dataclass(frozen=True)
class Entry:
    """One line of the record."""

    number: int
    decision: Decision
    digest: str


Actions = Mapping[str, Action]
"""Series -> what a person decided on it."""


def actions_in_force(path: Path) -> dict[tuple[str, str], dict[str, Action]]:
    """Pseudonym and label -> what is decided on the session's series, for the steps of a run.

    Of several decisions on a series the last counts; `undo` brings back the one before. Raises
    EnvironmentFault where the record was changed or cut.
    """
    sessions: dict[tuple[str, str], dict[str, Action]] = {}
    for case, decision in effective(read_entries(path)).items():
        actions = sessions.setdefault(
            (case.subject, case.session),
            {},
        )
        actions[case.series] = decision.action
    return sessions


def chosen(actions: Actions, action: Action) -> list[str]:
    """The series on which this was decided, sorted: what the key of a step has to hold."""
    return sorted(series for series, decided in actions.items() if decided is action)


def effective(entries: Iterable[Entry]) -> dict[CaseName, Decision]:
    """The decision in force on each series."""
    history: dict[CaseName, list[Decision]] = {}
    for entry in entries:
        decision = entry.decision
        earlier = history.setdefault(decision.case, [])
        if decision.action is not Action.UNDO:
            earlier.append(decision)
        elif earlier:
            earlier.pop()
    return {case: decisions[-1] for case, decisions in history.items() if decisions}


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Every line of the record, checked; raises EnvironmentFault at the first that does not fit."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()

    entries = []
    previous = _FIRST
    for number, line in enumerate(_whole_lines(content), start=1):
        entry = _read_line(number, line, previous)
        entries.append(entry)
        previous = entry.digest
    return tuple(entries)


def append(path: Path, decision: Decision) -> Entry:
    """Add a decision to the record, on disk when this returns; one process at a time."""
    path.parent.mkdir(
        parents=True,
        exist_ok=True,
        mode=0o700,
    )
    with _locked(path) as descriptor:
        entries = read_entries(path)
        previous = entries[-1].digest if entries else _FIRST
        line = _write_line(decision, previous)
        _drop_torn_line(path, descriptor)
        os.write(descriptor, line + b"\n")
        os.fsync(descriptor)
    return Entry(len(entries) + 1, decision, _digest(line))


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    descriptor = os.open(
        path,
        os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC,
        0o600,
    )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _whole_lines(content: bytes) -> list[bytes]:
    """Lines that end; a line that a kill cut short was never acknowledged."""
    return content.split(b"\n")[:-1]


def _drop_torn_line(path: Path, descriptor: int) -> None:
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        os.ftruncate(descriptor, end)


def _read_line(number: int, line: bytes, previous: str) -> Entry:
    try:
        row = json.loads(line)
        decision = _decision(row)
        bound = row["previous"]
    except (KeyError, TypeError, ValueError):
        raise _broken(number) from None
    if bound != previous:
        raise _broken(number)
    return Entry(number, decision, _digest(line))


def _broken(number: int) -> EnvironmentFault:
    return EnvironmentFault(
        f"the record of decisions was changed at line {number}; restore decisions.jsonl of the "
        "vault's review folder from a backup"
    )


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _write_line(decision: Decision, previous: str) -> bytes:
    row = {
        "schema": _SCHEMA,
        "case": str(decision.case),
        "action": decision.action.value,
        "sights": [sight.value for sight in decision.sights],
        "who": decision.who,
        "when": decision.when,
        "seen": decision.seen,
        "outputs": decision.outputs,
        "seconds": round(decision.seconds, 3),
        "previous": previous,
    }
    return json.dumps(row, sort_keys=True).encode("ascii")


def _decision(row: Mapping[str, Any]) -> Decision:
    case = CaseName.parse(row["case"])
    if case is None or row["schema"] != _SCHEMA:
        raise ValueError
    return Decision(
        case=case,
        action=Action(row["action"]),
        sights=tuple(Sight(sight) for sight in row["sights"]),
        who=row["who"],
        when=row["when"],
        seen=row["seen"],
        outputs=row["outputs"],
        seconds=float(row["seconds"]),
    )


def undone(decision: Decision, who: str, when: str) -> Decision:
    """The entry that takes a decision back."""
    return replace(
        decision,
        action=Action.UNDO,
        who=who,
        when=when,
        seconds=0.0,
    )
