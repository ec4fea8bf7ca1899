"""The step `deface`: one registration for the session and what each series gets from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.steps.deface import VERSION
from tasks.common import StepPlan, step_key, step_task
from tasks.context import SessionRun


def plan(session: SessionRun) -> StepPlan:
    """Register the session's head; the outputs are figures only."""
    settings, converted = session.run.settings.deface, session.finished["convert"]

    def work(_: Path) -> dict[str, Any]:
        arguments = (
            session.order_path,
            session.session.label,
            str(converted.folder),
            converted.result,
            str(session.template),
            settings,
        )
        found: dict[str, Any] = session.run.children.run(
            "deidflow.steps.deface:deface_session", *arguments, log=session.log
        )
        return found

    configuration = settings.model_dump(mode="json", exclude={"when"})
    key = step_key(
        "deface",
        VERSION,
        ["SimpleITK", "numpy", "scipy", "pydeface"],
        converted.digest,
        configuration,
        session.template.name,
    )
    return StepPlan("deface", key, session.folder / "deface", work)


deface = step_task("deface", plan)
