"""Deface: one registration for a session, and for each series the mask it gets. Writes no image."""

from __future__ import annotations

from typing import Any

from deidflow.steps.results import DefaceResult
from deidflow.steps.step import Step, StepJob


def deface_session(job: StepJob) -> DefaceResult:
    """A state and a mask for each series; what must not go out is withheld with its reason.

    The fields that masks need are written as .npz files, named in the result.
    """
    from deidflow.steps.session_heads import deface

    return deface(job)


def _key(job: StepJob) -> list[Any]:
    settings = job.settings.deface
    unseen = {"when", "fill", "mask", "image_type"}
    # Our own engine reads the planes of the source; only other engines see the NIfTI.
    is_ours = settings.engine == "template"
    converted = "" if is_ours else job.outputs["convert"].digest
    configuration = settings.model_dump(mode="json", exclude=unseen)
    if settings.fill == "average":
        configuration["fill"] = "average"
    key: list[Any] = [
        job.content,
        converted,
        configuration,
        job.settings.level,
        job.template.name,
    ]
    asked = {}
    for series, measures in job.measures.items():
        if measures.asks_for_mask:
            asked[series] = measures.mask_row()
    return [*key, asked] if asked else key


def _is_asked_for(job: StepJob) -> bool:
    return job.settings.defacing


DEFACE = Step(
    name="deface",
    needs=(),
    key=_key,
    work=deface_session,
    result=DefaceResult,
    tools=("SimpleITK", "numpy", "scipy", "pydeface"),
    data=("standard/body_parts.yaml", "standard/face_landmarks.yaml"),
    applies=_is_asked_for,
)
