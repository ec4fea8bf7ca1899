"""The step `verify`: the staged session read again as an outsider would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.resources import resources_digest
from deidflow.run.context import SessionRun
from deidflow.steps.verify import Claims, VerifyJob, states_of, verify_session
from tasks.common import StepPlan, step_key, step_task

_DATA = (
    "vocabulary/acquisition.yaml",
    "vocabulary/image_tokens.yaml",
    "vocabulary/not_identifying.yaml",
    "vocabulary/romanisation.yaml",
    "standard/defined_terms.yaml",
    "standard/sidecar_fields.yaml",
    "standard/safe_private_e3_10_1.csv",
    "private/physics.yaml",
)


def plan(session: SessionRun) -> StepPlan:
    """Search the session for leaks and compare its stored values with the source's."""
    built = session.finished["reconstruct"]
    claims = Claims.of(session.run.profile)

    def work(scratch: Path) -> dict[str, Any]:
        job = VerifyJob(
            order=Path(session.order_path),
            label=session.session.label,
            staged=built.folder,
            masks=session.masks,
            scratch=scratch,
            neighbours=session.run.layout.neighbours,
            states=states_of(built.result),
            claims=claims,
        )
        return session.run.children.run(session.log, verify_session, job)

    data = resources_digest(_DATA)
    key = step_key("verify", ["pydicom"], built.digest, session.content, data, claims.words)
    return StepPlan("verify", key, session.folder / "verify", work, takes=("reconstruct",))


verify = step_task("verify", plan)
