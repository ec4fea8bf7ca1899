"""The step `anonymize`: headers of a session, de-identified, in the vault's work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.header.profile import OPTION_CODES
from deidflow.resources import resources_digest
from deidflow.run.context import SessionRun
from deidflow.steps.anonymize import anonymize_session
from deidflow.store.files import digest_of
from tasks.common import StepPlan, step_key, step_task

_RULES = (
    "standard/ps315_e1_2026d.csv",
    "standard/safe_private_e3_10_1.csv",
    "private/physics.yaml",
    "vocabulary/acquisition.yaml",
    "vocabulary/image_tokens.yaml",
    "vocabulary/not_identifying.yaml",
    "standard/categories.yaml",
    "standard/defined_terms.yaml",
    "standard/placeholder_dates.yaml",
    "vocabulary/romanisation.yaml",
    "vocabulary/short_words.yaml",
)


def rules_digest(session: SessionRun) -> str:
    """A hash of everything that decides what becomes of a header."""
    return digest_of([session.run.profile_digest, OPTION_CODES, resources_digest(_RULES)])


def plan(session: SessionRun) -> StepPlan:
    """De-identify every header of the session."""
    label = session.session.label

    def work(scratch: Path) -> dict[str, Any]:
        arguments = (session.order_path, label, str(scratch), session.run.profile)
        return session.run.children.run(session.log, anonymize_session, *arguments)

    key = step_key("anonymize", ["pydicom"], session.content, rules_digest(session))
    return StepPlan("anonymize", key, session.folder / "anonymize", work)


anonymize = step_task("anonymize", plan)
