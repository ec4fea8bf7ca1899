"""The step `deface`: one registration for the session and what each series gets from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.resources import resources_digest
from deidflow.run.context import SessionRun
from deidflow.steps.deface import Places, deface_session
from tasks.common import StepPlan, step_key, step_task


def plan(session: SessionRun) -> StepPlan:
    """Register the session's head; the outputs are figures, and the brain that masks spare."""
    settings, level = session.run.settings.deface, session.run.settings.level
    converted, label = session.finished["convert"], session.session.label

    def work(scratch: Path) -> dict[str, Any]:
        places = Places(
            order=session.order_path,
            converted=str(converted.folder),
            template=str(session.template),
            outputs=str(scratch),
            log=str(session.log),
        )
        return session.run.children.run(session.log, deface_session, label, places, level, settings)

    configuration = settings.model_dump(mode="json", exclude={"when", "fill", "image_type"})
    content = session.content, resources_digest(("standard/body_parts.yaml",))
    seen_by_engine = "" if settings.engine == "template" else converted.digest
    tools = ["SimpleITK", "numpy", "scipy", "pydeface"]
    key = step_key("deface", tools, content, seen_by_engine, configuration, session.template.name)
    return StepPlan("deface", key, session.folder / "deface", work)


deface = step_task("deface", plan)
