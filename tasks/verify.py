"""The step `verify`: the staged session read again as an outsider would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.resources import resources_digest
from deidflow.steps.verify import VERSION, Claims
from tasks.common import StepPlan, step_key, step_task
from tasks.context import SessionRun

_VOCABULARIES = tuple(f"vocabulary/{name}.yaml" for name in ("acquisition", "image_tokens", "not_identifying"))


def plan(session: SessionRun) -> StepPlan:
    """Search the session for leaks and compare its stored values with the source's."""
    built = session.finished["reconstruct"]
    claims = Claims.of(session.run.profile)

    def work(scratch: Path) -> dict[str, Any]:
        arguments = (
            session.order_path,
            session.session.label,
            str(built.folder),
            str(session.masks),
            str(scratch),
            str(session.run.layout.batch_identifiers),
            built.result,
            claims,
        )
        found: dict[str, Any] = session.run.children.run(
            "deidflow.steps.verify:verify_session", *arguments, log=session.log
        )
        return found

    words = resources_digest(_VOCABULARIES)
    tools = ["pydicom", "ahocorasick-rs"]
    key = step_key("verify", VERSION, tools, built.digest, session.content, words, claims.words)
    return StepPlan("verify", key, session.folder / "verify", work, takes=("reconstruct",))


verify = step_task("verify", plan)
