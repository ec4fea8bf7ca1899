"""Flows around a PACS that `deidflow serve` offers where the section `pacs` asks for them.

They have no parameters: keys of patients are in the list that the configuration names.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from prefect import State, flow, get_run_logger
from prefect.exceptions import PrefectException
from prefect.states import Completed, Failed

from deidflow.errors import StepFailed
from deidflow.pacs.fetch import FetchOptions, FetchResult, fetch_list
from deidflow.pacs.handover import Follower, RunState, wait_for_complete
from deidflow.pacs.receiver import Received, receiving
from deidflow.pacs.send import send_release
from deidflow.pacs.send_result import SendResult
from deidflow.pacs.spool import Spool
from deidflow.pacs.window import WindowUse
from deidflow.settings.pacs import required_receive
from flows.hosting.cancel import store_cancellation
from flows.hosting.flow_states import FLOW_OPTIONS, ended_in_words
from flows.hosting.site import Site
from flows.hosting.started_runs import has_ended, start_run
from tasks.prefect_pages import show_counts

INCOMING = "incoming"
"""The deployment of the run that follows studies that came."""
_LOOK_SECONDS = 5.0
_SERVER_AWAY = (httpx.HTTPError, PrefectException, OSError)


def _now(name: str) -> str:
    return f"{name} {datetime.now():%Y-%m-%d %H:%M}"


@flow(name="fetch", flow_run_name=lambda: _now("fetch"), **FLOW_OPTIONS)
def fetch() -> State[Any]:
    """Fetch the studies of the list; where the window closes, the rest comes the next night."""
    return ended_in_words(_fetch)


@flow(name="receive", flow_run_name=lambda: _now("receive"), **FLOW_OPTIONS)
def receive() -> State[Any]:
    """Receive until somebody cancels it; each study that is complete makes a run due."""
    try:
        return ended_in_words(_receive)
    except BaseException:
        store_cancellation()
        raise


@flow(name="send", flow_run_name=lambda: _now("send"), **FLOW_OPTIONS)
def send() -> State[Any]:
    """Send what the archive does not have yet; where the window closes, the rest goes the next
    night."""
    return ended_in_words(_send)


def _fetch() -> State[Any]:
    settings = Site.of_worker().settings()
    logger = get_run_logger()
    options = FetchOptions(window=WindowUse.LEAVE)
    result = fetch_list(settings, options, logger.info)
    if result.fetched:
        _start_incoming()
    counts = fetch_counts(result)
    with suppress(*_SERVER_AWAY):
        show_counts("fetched", counts)
    return _end(counts, result.exit_code, result.lost)


def fetch_counts(result: FetchResult) -> dict[str, int]:
    """What became of a list, by words."""
    return {
        "studies fetched": result.fetched,
        "studies fetched before": result.before,
        "rows without a study": result.absent,
        "incomplete studies": result.incomplete,
        "instances not kept": result.refused,
        "rows left for the next window": result.left,
    }


def _send() -> State[Any]:
    settings = Site.of_worker().settings()
    logger = get_run_logger()
    result = send_release(
        settings,
        window=WindowUse.LEAVE,
        tell=logger.info,
    )
    counts = send_counts(result)
    with suppress(*_SERVER_AWAY):
        show_counts("sent", counts)
    held = bool(result.held or result.changed)
    return _end(counts, result.exit_code, result.lost, held)


def send_counts(result: SendResult) -> dict[str, int]:
    """What became of a release's objects, by words."""
    return {
        "instances sent": result.sent,
        "instances sent before": result.already,
        "instances changed since": result.changed,
        "instances refused": result.refused.total(),
        "sessions held": len(result.held),
        "sessions left for the next window": result.left,
    }


def _end(counts: dict[str, int], exit_code: int, lost: str, held: bool = False) -> State[Any]:
    parts = []
    for what, count in counts.items():
        if count:
            parts.append(f"{what}: {count}")
    if lost:
        parts.append(lost)

    message = ", ".join(parts) or "nothing to do"
    if exit_code == StepFailed.exit_code:
        return Failed(message=message)
    name = "Quarantined" if held else "Completed"
    return Completed(name=name, message=message)


def _receive() -> State[Any]:
    settings = Site.of_worker().settings()
    asked = required_receive(settings.pacs)
    spool = Spool.of(settings)
    received = Received()
    is_due = spool.has_handed_on()
    follower = Follower(_start_incoming, is_due)
    page = _ReceivedPage(received)
    title = settings.pacs.ae_title

    with receiving(
        settings.pacs,
        asked,
        spool,
        received,
    ):
        logger = get_run_logger()
        logger.info(f"receiving as {title} on port {asked.port}")
        wait_for_complete(
            spool,
            asked,
            follower,
            page.tick,
            _LOOK_SECONDS,
        )
    return Completed(message="ended")


def _start_incoming() -> RunState | None:
    """Start the run that follows; None where the server does not take it now."""
    try:
        run: UUID = start_run(INCOMING)
    except _SERVER_AWAY:
        return None

    def is_over() -> bool:
        with suppress(*_SERVER_AWAY):
            return has_ended(run)
        return False

    return is_over


class _ReceivedPage:
    """The table of what was received, renewed when it has changed."""

    def __init__(self, received: Received) -> None:
        self._received = received
        self._shown: dict[str, int] = {}

    def tick(self, handed_on: int) -> bool:
        """Show what is new; a flow that receives goes on until it is cancelled."""
        counts = {**self._received.counts(), "studies handed on": handed_on}
        if counts != self._shown:
            with suppress(*_SERVER_AWAY):
                show_counts("received", counts)
                self._shown = counts
        return True
