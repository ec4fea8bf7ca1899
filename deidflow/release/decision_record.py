"""Decisions of people, as JSON Lines in the vault: appended, each bound to the line before."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deidflow.errors import EnvironmentFault
from deidflow.release.decisions import Action, CaseName, Decision, Point, Rectangle, Sight
from deidflow.store.locks import locked_file

_SCHEMA = 2
_READABLE = (1, _SCHEMA)
_FIRST = "0" * 64
"""What the first line is bound to."""


@dataclass(frozen=True)
class Entry:
    """One line of the record."""

    number: int
    decision: Decision
    digest: str


def histories(entries: Iterable[Entry]) -> dict[CaseName, list[Decision]]:
    """The decisions on each series that nobody took back, oldest first."""
    history: dict[CaseName, list[Decision]] = {}
    for entry in entries:
        decision = entry.decision
        earlier = history.setdefault(decision.case, [])
        if decision.action is Action.UNDO:
            _take_back(earlier, again=decision.again)
        else:
            earlier.append(decision)
    return {case: decisions for case, decisions in history.items() if decisions}


def _take_back(decisions: list[Decision], *, again: bool) -> None:
    """Drop the last decision of the first or of the second look."""
    for number in reversed(range(len(decisions))):
        if decisions[number].again == again:
            del decisions[number]
            return


def effective(entries: Iterable[Entry]) -> dict[CaseName, Decision]:
    """The decision in force on each series: the last that was not taken back."""
    return {case: decisions[-1] for case, decisions in histories(entries).items()}


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
    with locked_file(path) as descriptor:
        entries = read_entries(path)
        previous = entries[-1].digest if entries else _FIRST
        line = _write_line(decision, previous)
        _drop_torn_line(path, descriptor)
        os.write(descriptor, line + b"\n")
        os.fsync(descriptor)
    return Entry(len(entries) + 1, decision, _digest(line))


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
        "source": decision.source,
        "again": decision.again,
        "landmarks": [asdict(point) for point in decision.landmarks],
        "rectangles": [asdict(rectangle) for rectangle in decision.rectangles],
        "previous": previous,
    }
    return json.dumps(row, sort_keys=True).encode("ascii")


def _decision(row: Mapping[str, Any]) -> Decision:
    case = CaseName.parse(row["case"])
    if case is None or row["schema"] not in _READABLE:
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
        source=row.get("source", ""),
        again=row.get("again", False),
        landmarks=tuple(Point(**point) for point in row.get("landmarks", ())),
        rectangles=tuple(Rectangle(**rectangle) for rectangle in row.get("rectangles", ())),
    )
