"""Tell a site's webhook that something was quarantined or failed: pseudonyms and counts only."""

from __future__ import annotations

from typing import Any

import httpx
from prefect import task
from pydantic import BaseModel, ConfigDict

from deidflow.run.context import Run
from deidflow.run.summary import RunSummary
from deidflow.states import SeriesState
from deidflow.verdicts import Verdict
from tasks.common import OPTIONS

_DELAYS = [2.0, 8.0]
_SECONDS = 10.0


class Message(BaseModel):
    """What the webhook gets."""

    model_config = ConfigDict(frozen=True)

    run: str
    project: str
    level: str
    exit_code: int
    error: str | None = None
    files: dict[Verdict, int] | None = None
    failed: list[str] | None = None
    """Pseudonyms of subjects."""
    quarantined: list[str] | None = None


def notify(run: Run, summary: RunSummary) -> int:
    """Send the message if the settings ask for it; returns how many tasks Prefect shows."""
    if not run.settings.notify.webhook or not is_news(summary):
        return 0
    state = send(
        run,
        message_of(run, summary),
        return_state=True,
    )
    if not state.is_completed():
        run.say("notify: the webhook does not answer; the run itself is not affected")
    return 1


def is_news(summary: RunSummary) -> bool:
    """Whether this run failed, or holds back something that it has not held back before."""
    if summary.error:
        return True
    failed = summary.verdicts[Verdict.FAILED]
    return failed > 0 or summary.has_news


def message_of(run: Run, summary: RunSummary) -> Message:
    """The message about a run."""
    settings = run.settings
    head = Message(
        run=run.run_id,
        project=settings.project,
        level=settings.level,
        exit_code=summary.exit_code,
    )
    if summary.error:
        return head.model_copy(update={"error": summary.error})

    failed = {row.subject for row in summary.sessions if row.failed}
    held = {row.subject for row in summary.sessions if SeriesState.QUARANTINED in row.series}
    return head.model_copy(
        update={
            "files": summary.verdicts,
            "failed": sorted(failed),
            "quarantined": sorted(held),
        }
    )


@task(
    name="notify",
    task_run_name="notify",
    retries=len(_DELAYS),
    retry_delay_seconds=_DELAYS,
    **OPTIONS,
)
def send(run: Run, message: Message) -> None:
    """POST the message; a network that is away may come back, so it is tried again."""
    content: Any = message.model_dump(mode="json", exclude_none=True)
    try:
        answer = httpx.post(
            run.settings.notify.webhook, json=content, timeout=_SECONDS, trust_env=False
        )
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotDelivered(type(error).__name__) from None


class NotDelivered(Exception):
    """The webhook did not take the message; only the kind of error is told, not the address."""
