"""The Prefect task of the step `anonymize`: headers of a session, de-identified, in the vault."""

from __future__ import annotations

from deidflow.steps.anonymize import ANONYMIZE
from tasks.common import step_task

anonymize = step_task(ANONYMIZE)
