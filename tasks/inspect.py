"""The Prefect task of the step `inspect`: text in the pixels of a session."""

from __future__ import annotations

from deidflow.steps.inspect import INSPECT
from tasks.common import step_task

inspect = step_task(INSPECT)
