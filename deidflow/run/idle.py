"""A run that finds nothing changed: it does no work, and says what the last run said."""

from __future__ import annotations

from deidflow.identity.vault import Vault
from deidflow.review.sign_off import REVIEW_KEY, note_sign_off
from deidflow.run.context import progress
from deidflow.run.summary import RunSummary
from deidflow.run.unchanged import Surroundings

WORDS = "nothing has changed since the last run"


def idle_run(surroundings: Surroundings, run_id: str, vault: Vault) -> RunSummary | None:
    """The end of a run with nothing to do, kept as its summary; None where it has to be done."""
    summary = surroundings.answer(run_id)
    if summary is None:
        return None

    layout = surroundings.layout
    note_sign_off(layout, vault.keys.derive(REVIEW_KEY))
    summary.write(layout.summary)
    subjects = sorted({row.subject for row in summary.sessions})
    for subject in subjects:
        progress.info(
            f"{subject}: cached, nothing to do",
            extra={"pseudonym": subject, "step": "subject", "state": "End"},
        )
    return summary
