"""How offered flows end: always with a state in our words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect import State
from prefect.states import Cancelled, Failed

from deidflow.errors import DeidflowError, ReleaseBusy
from deidflow.store.faults import fault_of
from deidflow.store.process import die_with_parent

FLOW_OPTIONS: dict[str, Any] = {
    "validate_parameters": False,
    "persist_result": False,
    "log_prints": False,
}
"""Of every flow that a worker runs."""


def ended_in_words(work: Callable[[], State[Any]]) -> State[Any]:
    """The state that the work gives, or the one that its error means."""
    die_with_parent()
    try:
        return work()
    except ReleaseBusy as error:
        return Cancelled(message=str(error))
    except DeidflowError as error:
        return Failed(message=str(error))
    except Exception as error:  # noqa: BLE001 - Prefect would store the words of any exception
        return Failed(message=str(fault_of(error)))
