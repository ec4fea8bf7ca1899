"""Takes sessions with findings out of a release, and holds them in the next run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from deidflow.release.audit_events import note_decision
from deidflow.release.decision_record import append
from deidflow.release.decisions import Action, CaseName, Decision
from deidflow.release.layout import Layout
from deidflow.release.withdrawal import withdraw_sessions

WHO = "deidflow verify"


def unpublish(layout: Layout, sessions: Iterable[str]) -> list[str]:
    """Withdraw sessions (`P001/M00`) that are published; returns those that were.

    Each of their series gets the decision `withhold`, which `deidflow review --undo` takes back.
    Raises ReleaseBusy while a run is at work on the release.
    """
    names: list[tuple[str, str]] = []
    for session in sessions:
        subject, _, label = session.partition("/")
        names.append((subject, label))

    series = {name: _series_of(layout, *name) for name in names}
    withdrawn = withdraw_sessions(layout, names)
    for name in withdrawn:
        for case in series[name]:
            decision = _withheld(case)
            append(layout.decisions, decision)
            note_decision(layout, decision)
    return [f"{subject}/{label}" for subject, label in withdrawn]


def _series_of(layout: Layout, subject: str, label: str) -> list[CaseName]:
    published = layout.published(subject, label)
    if not published.is_dir():
        return []
    folders = [path for path in published.iterdir() if path.is_dir()]
    return [
        CaseName(
            subject,
            label,
            folder.name,
        )
        for folder in sorted(folders)
    ]


def _withheld(case: CaseName) -> Decision:
    now = datetime.now(UTC)
    return Decision(
        case=case,
        action=Action.WITHHOLD,
        sights=(),
        who=WHO,
        when=now.isoformat(timespec="seconds"),
        seen="",
        outputs="",
    )
