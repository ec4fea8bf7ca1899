"""Takes a session out of the release after a decision, and brings the shared page up to date."""

from __future__ import annotations

from deidflow.release.layout import Layout
from deidflow.release.withdrawal import withdraw_sessions
from deidflow.report.write import write_shared


def withdraw_session(layout: Layout, pseudonym: str, label: str) -> bool:
    """Move a session out of the release, for its owner to look at; False where it is not published.

    Raises ReleaseBusy while a run is at work on the release: the run asks for decisions itself.
    """
    withdrawn = withdraw_sessions(layout, [(pseudonym, label)])
    if withdrawn and layout.shared_report.exists():
        write_shared(layout)
    return bool(withdrawn)
