"""The step `reconstruct`: the session as it will be released, in staging."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.run.context import SessionRun
from deidflow.run.revisions import revisions
from deidflow.steps.reconstruct import Inputs, reconstruct_session
from tasks.common import StepPlan, step_key, step_task

_TAKES = ("anonymize", "convert", "deface")


def plan(session: SessionRun) -> StepPlan:
    """Build the released series from headers, stored pixels and masks.

    The outputs count as there when they are staged, or already published.
    """
    settings = session.run.settings
    earlier: list[str | float | None] = [
        session.finished[step].digest for step in _TAKES if step in session.finished
    ]
    if settings.defacing and not session.masks.exists():
        session.store.forget("reconstruct")

    def work(scratch: Path) -> dict[str, Any]:
        arguments = (
            session.order_path,
            session.session.label,
            str(scratch),
            str(session.masks),
            str(session.log),
        )
        return session.run.children.run(
            session.log, reconstruct_session, *arguments, _inputs(session)
        )

    content = [session.content, revisions(session)]
    if settings.defacing:
        earlier += [session.template.name, settings.deface.fill, settings.deface.image_type]
    key = step_key(
        "reconstruct",
        ["dcm2niix", "pydicom", "pylibjpeg-openjpeg", "SimpleITK"],
        content,
        settings.level,
        earlier,
    )
    return StepPlan("reconstruct", key, session.staged, work, (session.published,), _TAKES)


def _inputs(session: SessionRun) -> Inputs:
    done, settings = session.finished, session.run.settings
    return Inputs(
        headers=str(done["anonymize"].folder),
        converted=str(done["convert"].folder),
        anonymized=done["anonymize"].result,
        conversion=done["convert"].result,
        deface=done["deface"].result if "deface" in done else None,
        fields=str(done["deface"].folder) if "deface" in done else "",
        template=str(session.template),
        settings=settings.deface,
        review=str(session.review),
        profile=session.run.profile,
        revisions=revisions(session),
        sessions={one.label: str(_headers(session, one.label)) for one in session.order.sessions},
    )


def _headers(session: SessionRun, label: str) -> Path:
    return session.run.layout.session_work(session.order.pseudonym, label) / "anonymize"


reconstruct = step_task("reconstruct", plan)
