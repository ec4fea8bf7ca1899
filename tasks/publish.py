"""The Prefect task of the step `publish`: the session appears in the release in one rename."""

from __future__ import annotations

from deidflow.steps.publish import PUBLISH
from tasks.common import step_task

publish = step_task(PUBLISH)
