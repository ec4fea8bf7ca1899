"""The Prefect task of the step `deface`: one registration for the session, and the mask of each
series."""

from __future__ import annotations

from deidflow.steps.deface import DEFACE
from tasks.common import step_task

deface = step_task(DEFACE)
