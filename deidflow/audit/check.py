"""Whether the audit is whole: every line in its place, and nothing cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag

from deidflow.audit.chain import Chain, parsed, whole_lines
from deidflow.audit.ledger import NAME, Event, Ledger
from deidflow.audit.segment import SegmentEnd, segment_names
from deidflow.identity.audit_table import LedgerHead
from deidflow.identity.vault import Vault

_CHANGED = "was changed, or a line before it was"


@dataclass
class _Walk:
    """The lines of one file, as far as they were looked at."""

    name: str
    chain: Chain
    macs: dict[int, str] = field(default_factory=dict)
    """By the numbers of lines."""
    problems: list[str] = field(default_factory=list)
    _follows_unknown: bool = False

    def line(self, place: int, line: bytes) -> None:
        """Take the line at a place, counted from 1."""
        row = parsed(line)
        expected = self.chain.lines + 1
        if row is None:
            self._say(place, "was changed: it is no line of an audit")
            self.chain.lines += 1
            self._follows_unknown = True
            return

        number = row.number
        can_be_checked = number == expected and not self._follows_unknown
        if number > expected:
            self._say_missing(expected, number - 1)
        elif number < expected:
            self._say(place, f"is out of its place: it was line {number}")
        elif can_be_checked and not self.chain.fits(line, row.mac):
            self._say(place, _CHANGED)

        self.macs[number] = row.mac
        self.chain.take(row)
        self._follows_unknown = False

    def end(self, lines: int, mac: str) -> None:
        """Compare with what is known of the file: its lines, and the hash of the last."""
        known = self.chain.lines
        expected = self.macs.get(lines, mac)
        if known < lines:
            self._say_missing(known + 1, lines)
        elif expected != mac:
            self._say(lines, _CHANGED)

    def _say(self, place: int, words: str) -> None:
        problem = f"{self.name}, line {place} {words}"
        self.problems.append(problem)

    def _say_missing(self, first: int, last: int) -> None:
        if first == last:
            self._say(first, "is missing")
            return
        problem = f"{self.name}, lines {first} to {last} are missing"
        self.problems.append(problem)


def audit_problems(vault: Vault) -> list[str]:
    """What is wrong with the audit of a project and level, by file and line.

    A line that a killed process had not finished is nothing wrong.
    """
    ledger = Ledger.of(vault.folder, vault.keys)
    problems, known = _ledger_problems(vault, ledger)
    ends = _ends(ledger)
    for name in sorted(ends):
        problems += _segment_problems(
            vault,
            ledger,
            name,
            ends[name],
        )
    if known is not None and not ledger.path.exists():
        shown = _shown(vault, ledger.path)
        problems.append(f"{shown} is missing")
    return problems


def _ledger_problems(vault: Vault, ledger: Ledger) -> tuple[list[str], LedgerHead | None]:
    shown = _shown(vault, ledger.path)
    chain = Chain.of(ledger.key, NAME)
    walk = _Walk(shown, chain)
    lines = ledger.lines()
    for place, line in enumerate(lines, 1):
        walk.line(place, line)

    try:
        known = vault.audit.head()
    except InvalidTag:
        walk.problems.append("what the database knows of the end of the audit was changed")
        return walk.problems, None

    if known is not None:
        walk.end(known.lines, known.mac)
    elif walk.chain.lines:
        walk.problems.append("the database does not know the end of the audit any more")
    return walk.problems, known


def _ends(ledger: Ledger) -> dict[str, SegmentEnd | None]:
    """Every segment by its name, with its end as noted; None for one that is not finished."""
    ends: dict[str, SegmentEnd | None] = dict.fromkeys(segment_names(ledger.folder))
    for event in ledger.events():
        if event.get("event") != Event.SEGMENT:
            continue

        name = event.get("name")
        lines = event.get("lines")
        head = event.get("head")
        if not isinstance(name, str):
            continue
        if isinstance(lines, int) and isinstance(head, str):
            ends[name] = SegmentEnd(
                name,
                lines,
                head,
            )
    return ends


def _segment_problems(
    vault: Vault, ledger: Ledger, name: str, end: SegmentEnd | None
) -> Iterator[str]:
    path = ledger.folder / name
    shown = _shown(vault, path)
    if not path.exists():
        yield f"{shown} is missing"
        return
    chain = Chain.of(ledger.key, name)
    walk = _Walk(shown, chain)
    lines = whole_lines(path)
    for place, line in enumerate(lines, 1):
        walk.line(place, line)

    if end is not None:
        walk.end(end.lines, end.head)
    yield from walk.problems
    if end is not None and chain.lines > end.lines:
        yield f"{shown} has lines after line {end.lines}, its end"


def _shown(vault: Vault, path: Path) -> str:
    return path.relative_to(vault.folder).as_posix()
