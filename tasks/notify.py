"""Tells a site's own address that something was quarantined or failed: pseudonyms and counts only."""

from __future__ import annotations

from typing import Any

import httpx
from prefect import task

from deidflow.run.context import Run
from tasks.common import OPTIONS

_DELAYS = (2, 8)


def notify(run: Run, summary: dict[str, Any]) -> int:
    """Send the message if settings and summary ask for one; returns how many tasks Prefect shows of it."""
    if not run.settings.notify.webhook or not is_news(summary):
        return 0
    state = send(run, message_of(run, summary), return_state=True)
    if not state.is_completed():
        run.say("notify: the webhook does not answer; the run itself is not affected")
    return 1


def is_news(summary: dict[str, Any]) -> bool:
    """Whether this run failed, or holds back something that it has not held back before."""
    return "error" in summary or bool(summary["verdicts"]["failed"]) or bool(summary["news"])


def message_of(run: Run, summary: dict[str, Any]) -> dict[str, Any]:
    """What the webhook gets."""
    settings = run.settings
    head = {"run": run.run_id, "project": settings.project, "level": settings.level}
    if "error" in summary:
        return head | {"exit_code": summary["exit_code"], "error": summary["error"]}
    sessions = [
        row for row in summary["sessions"] if row["failed"] or "quarantined" in row["series"]
    ]
    return head | {
        "exit_code": summary["exit_code"],
        "files": summary["verdicts"],
        "failed": sorted({row["subject"] for row in sessions if row["failed"]}),
        "quarantined": sorted(
            {row["subject"] for row in sessions if "quarantined" in row["series"]}
        ),
    }


@task(
    name="notify",
    task_run_name="notify",
    retries=len(_DELAYS),
    retry_delay_seconds=list(_DELAYS),
    **OPTIONS,
)
def send(run: Run, message: dict[str, Any]) -> None:
    """POST the message; a network that is away may come back, so this one is tried again."""
    try:
        httpx.post(
            run.settings.notify.webhook, json=message, timeout=10.0, trust_env=False
        ).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotDelivered(type(error).__name__) from None


class NotDelivered(Exception):
    """The webhook did not take the message; only the kind of error is told, not the address."""
