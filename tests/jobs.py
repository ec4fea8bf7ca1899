"""Jobs for steps that a test runs by itself, without a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deidflow.header.load_profile import load_profile
from deidflow.identity.workorder import WorkOrder
from deidflow.release.layout import Layout
from deidflow.release.measures import Measures
from deidflow.settings.run import RunSettings
from deidflow.steps.step import StepJob
from deidflow.store.record import StepOutput


def step_job(
    root: Path,
    order: WorkOrder,
    *,
    level: str = "high",
    template: Path = Path(),
    outputs: Mapping[str, StepOutput[Any]] | None = None,
    measures: Mapping[str, Measures] | None = None,
    **settings: Any,
) -> StepJob:
    """A step's job on the first session of an order, which is written into a vault below `root`."""
    places = {name: root / name for name in ("source", "release", "vault")}
    run = RunSettings(**{**places, "level": level, **settings})
    layout = Layout.of(run)
    order.write(layout.order(order.pseudonym))
    scratch = root / "scratch"
    scratch.mkdir(exist_ok=True)
    return StepJob(
        layout=layout,
        settings=run,
        profile=load_profile(level),
        profile_digest="profile",
        pseudonym=order.pseudonym,
        label=order.sessions[0].label,
        labels=tuple(session.label for session in order.sessions),
        content="content",
        measures=measures or {},
        template=template,
        outputs=outputs or {},
        scratch=scratch,
    )


def output(folder: Path, result: object) -> StepOutput[Any]:
    """What an earlier step made, as a later step sees it."""
    return StepOutput(folder, result, "digest")
