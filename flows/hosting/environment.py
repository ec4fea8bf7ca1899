"""Prefect's settings for a run, a served site and the history's pages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_NO_TELEMETRY = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "NO_ET": "1"}
_WHOLE_SECONDS = (
    "1"  # Prefect cuts off what comes after the point, and with 0 its server never rests
)
_QUIET = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": _WHOLE_SECONDS,
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "WARNING",
    "PREFECT_CLIENT_MAX_RETRIES": "3",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}

LOGGED = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR"}
"""For a server, whose console is a log in the vault: why it could not start."""


def prepare_environment(home: Path) -> None:
    """Prefect's settings for this process and its children; call it before Prefect is imported."""
    os.environ.update(_NO_TELEMETRY)
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    os.environ.setdefault("PREFECT_HOME", str(home))


def without_places(environment: Mapping[str, str]) -> dict[str, str]:
    """What a server may know: no variable of deidflow, since those name places."""
    return {name: value for name, value in environment.items() if not name.startswith("DEIDFLOW_")}
