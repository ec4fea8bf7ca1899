"""Segments that a killed run left: their end is noted, so that a later cut is found."""

from __future__ import annotations

from deidflow.audit.chain import Chain, parsed, whole_lines
from deidflow.audit.ledger import Details, Event, Ledger
from deidflow.audit.segment import SegmentEnd, segment_names


def adopt_unfinished(ledger: Ledger) -> None:
    """Note the end of each segment that no event names; for the one run at work on the project."""
    known = set()
    for event in ledger.events():
        name = event.get("name")
        known.add(name)

    events: list[tuple[Event, Details]] = []
    for name in segment_names(ledger.folder):
        if name in known:
            continue
        end = _end(ledger, name)
        details = {"unfinished": True, **end._asdict()}
        events.append((Event.SEGMENT, details))
    ledger.add_all(events)


def _end(ledger: Ledger, name: str) -> SegmentEnd:
    """How far the chain of a segment holds; a line that was cut off is none."""
    chain = Chain.of(ledger.key, name)
    path = ledger.folder / name
    for line in whole_lines(path):
        row = parsed(line)
        expected = chain.lines + 1
        if row is None or row.number != expected:
            break
        if not chain.fits(line, row.mac):
            break
        chain.take(row)

    return SegmentEnd(
        name,
        chain.lines,
        chain.mac,
    )
