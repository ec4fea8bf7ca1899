"""What people and commands do to a release, noted in the vault's audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from deidflow.audit.ledger import Event, record_event
from deidflow.identity.database import NAME
from deidflow.release.decisions import Decision
from deidflow.release.layout import Layout


def note_withdrawn(layout: Layout, sessions: Iterable[tuple[str, str]]) -> None:
    """Note that sessions left the release."""
    names = [f"{subject}/{label}" for subject, label in sessions]
    _note(layout, Event.WITHDRAWN, {"sessions": names})


def note_decision(layout: Layout, decision: Decision) -> None:
    """Note what somebody decided on a series."""
    details = {
        "case": str(decision.case),
        "action": decision.action.value,
        "reasons": [sight.value for sight in decision.sights],
        "who": decision.who,
        "when": decision.when,
        "seen": decision.seen,
        "source": decision.source,
        "landmarks": [asdict(point) for point in decision.landmarks],
        "rectangles": [asdict(rectangle) for rectangle in decision.rectangles],
    }
    _note(layout, Event.DECIDED, details)


def _note(layout: Layout, event: Event, details: Mapping[str, object]) -> None:
    """Note an event; a folder that is no vault has no audit."""
    if (layout.vault / NAME).exists():
        record_event(
            layout.vault,
            layout.project,
            layout.level,
            event,
            details,
        )
