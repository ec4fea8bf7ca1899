"""The Prefect task of the step `reconstruct`: the session as it will be released, in staging."""

from __future__ import annotations

from deidflow.steps.reconstruct import RECONSTRUCT
from tasks.common import step_task

reconstruct = step_task(RECONSTRUCT)
