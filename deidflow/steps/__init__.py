"""The steps of a session, in their order. docs/adding-a-step.md says how to add one."""

from __future__ import annotations

from typing import Any

from deidflow.steps.anonymize import ANONYMIZE
from deidflow.steps.convert import CONVERT
from deidflow.steps.deface import DEFACE
from deidflow.steps.inspect import INSPECT
from deidflow.steps.publish import PUBLISH
from deidflow.steps.reconstruct import RECONSTRUCT
from deidflow.steps.step import Step
from deidflow.steps.verify import VERIFY

STEPS: tuple[Step[Any], ...] = (ANONYMIZE, CONVERT, INSPECT, DEFACE, RECONSTRUCT, VERIFY, PUBLISH)
STEP_NAMES = tuple(step.name for step in STEPS)
