"""The step `convert`: NIfTI of every series, scrubbed, in the vault's work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.resources import resources_digest
from deidflow.run.context import SessionRun
from deidflow.steps.convert import convert_session
from tasks.common import StepPlan, step_key, step_task

_WORDS = (
    "standard/sidecar_fields.yaml",
    "vocabulary/acquisition.yaml",
    "vocabulary/romanisation.yaml",
    "vocabulary/short_words.yaml",
)


def plan(session: SessionRun) -> StepPlan:
    """Convert every series of the session."""
    label, profile = session.session.label, session.run.profile

    def work(scratch: Path) -> dict[str, Any]:
        arguments = (session.order_path, label, str(scratch), str(session.log), profile)
        return session.run.children.run(session.log, convert_session, *arguments)

    words = resources_digest(_WORDS)
    tools = ["dcm2niix", "pydicom"]
    key = step_key("convert", tools, session.content, words, profile.name, profile.search)
    return StepPlan("convert", key, session.folder / "convert", work)


convert = step_task("convert", plan)
