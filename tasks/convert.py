"""The step `convert`: NIfTI of every series, scrubbed, in the vault's work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.resources import resource
from deidflow.steps.chosen import chosen_profile
from deidflow.steps.convert import VERSION
from tasks.common import StepPlan, step_key, step_task
from tasks.context import SessionRun


def plan(session: SessionRun) -> StepPlan:
    """Convert every series of the session."""
    label, profile = session.session.label, chosen_profile(session.run.settings)

    def work(scratch: Path) -> dict[str, Any]:
        arguments = (session.order_path, label, str(scratch), str(session.log), profile)
        found: dict[str, Any] = session.run.children.run(
            "deidflow.steps.convert:convert_session", *arguments, log=session.log
        )
        return found

    fields = resource("standard/sidecar_fields.yaml").read_text("utf-8")
    words = resource("vocabulary/acquisition.yaml").read_text("utf-8")
    content = session.order.content_digest(label)
    key = step_key("convert", VERSION, ["dcm2niix", "pydicom"], content, fields, words, profile.name, profile.search)
    return StepPlan("convert", key, session.folder / "convert", work)


convert = step_task("convert", plan)
