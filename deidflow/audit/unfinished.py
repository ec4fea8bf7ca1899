"""Segments that a killed run left: their end is noted, so that a later cut is found."""

from __future__ import annotations

from deidflow.audit.chain import Chain, parsed
from deidflow.audit.ledger import Event, Ledger
from deidflow.audit.segment import SegmentEnd, segment_names


def adopt_unfinished(ledger: Ledger) -> None:
    """Note the end of each segment that no event names; for the one run at work on the project."""
    known = set()
    for event in ledger.events():
        known.add(event.get("name"))
    ends = []
    for name in segment_names(ledger.folder):
        if name not in known:
            ends.append(_end(ledger, name))
    ledger.add_all((Event.SEGMENT, {"unfinished": True, **end._asdict()}) for end in ends)


def _end(ledger: Ledger, name: str) -> SegmentEnd:
    """How far the chain of a segment holds; a line that was cut off is none."""
    chain = Chain.of(ledger.key, name)
    content = (ledger.folder / name).read_bytes()
    for line in content.split(b"\n")[:-1]:
        row = parsed(line)
        if row is None or row.number != chain.lines + 1 or not chain.fits(line, row.mac):
            break
        chain.lines = row.number
        chain.mac = row.mac

    return SegmentEnd(
        name,
        chain.lines,
        chain.mac,
    )
