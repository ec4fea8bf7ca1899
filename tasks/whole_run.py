"""What tasks have in common that concern the whole run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from prefect import State
from prefect.states import Completed, Failed

from deidflow.run.context import Run

Value = TypeVar("Value")


def for_the_run(run: Run, work: Callable[[], tuple[Value, str]]) -> State[Any]:
    """Do the work; its value is the state's data, its words are the state's message.

    What goes wrong in it stops the run, in words without identifiers.
    """
    try:
        value, message = work()
    except Exception as error:  # noqa: BLE001 - the run ends in our words, whatever broke
        run.stop(run.explained(error))
        return Failed(message=str(run.fault))
    return Completed(message=message, data=value)
