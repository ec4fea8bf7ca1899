"""The Prefect task of the step `verify`: the staged session read again as an outsider would."""

from __future__ import annotations

from deidflow.steps.verify import VERIFY
from tasks.common import step_task

verify = step_task(VERIFY)
