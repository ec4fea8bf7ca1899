"""The Prefect task of the step `convert`: NIfTI of every series, scrubbed, in the vault."""

from __future__ import annotations

from deidflow.steps.convert import CONVERT
from tasks.common import step_task

convert = step_task(CONVERT)
