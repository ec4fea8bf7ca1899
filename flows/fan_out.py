"""One task per subject, on local threads or a Dask cluster."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from prefect import get_run_logger
from prefect.futures import as_completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from deidflow.errors import DeidflowError, EnvironmentFault
from deidflow.run.batch import OrderedSubject
from deidflow.run.context import Run
from deidflow.run.machine import worker_count
from deidflow.run.outcome import read_outcome
from deidflow.run.template import provide_template
from deidflow.settings.run import RunSettings
from flows.subject import end_of, subject
from tasks.prefect_pages import Progress, RunPages

_CONNECT_SECONDS = 10


def fan_out(run: Run, orders: Sequence[OrderedSubject], pages: RunPages) -> None:
    """Take subjects through their steps; returns when the last has ended."""
    if not orders:
        return
    if run.settings.defacing:
        provide_template(run)
    progress = Progress(len(orders), pages)
    with runner_of(run.settings) as runner:
        try:
            _follow(run, orders, runner, progress)
        except BaseException:
            run.stop(DeidflowError("the run was stopped; run again to carry on"))
            raise


def say_standing(run: Run, pseudonym: str) -> None:
    """Say of a subject that nothing has changed, as its task would."""
    outcomes = read_outcome(run.layout.outcome(pseudonym))
    state = end_of(outcomes, cached=True)
    run.say(
        f"{pseudonym}: {str(state.name).lower()}, {state.message}",
        pseudonym,
        "subject",
        "End",
    )


def _follow(
    run: Run, orders: Sequence[OrderedSubject], runner: TaskRunner[Any], progress: Progress
) -> None:
    futures = {_submitted(runner, order.pseudonym, run): order.pseudonym for order in orders}
    for future in as_completed(list(futures)):
        future.wait()
        _say(run, futures[future], future.state)
        progress.advance(future.state)
        if run.fault is not None:
            return


def _submitted(runner: TaskRunner[Any], pseudonym: str, run: Run) -> Any:
    try:
        return runner.submit(
            subject,
            {"pseudonym": pseudonym, "run": run},
        )
    except OSError:
        raise EnvironmentFault(
            "the Dask scheduler does not answer; check 'scheduler' and that it runs"
        ) from None


def runner_of(settings: RunSettings) -> TaskRunner[Any]:
    """One thread per subject at work (the heavy work is in child processes), or Dask."""
    if settings.runner == "threads":
        return ThreadPoolTaskRunner(max_workers=worker_count(settings))

    try:
        dask = importlib.import_module("prefect_dask")
    except ImportError:
        raise EnvironmentFault(
            "runner 'dask' needs prefect-dask; install deidflow with its extra 'dask'"
        ) from None

    runner: TaskRunner[Any] = dask.DaskTaskRunner(
        address=settings.scheduler,
        client_kwargs={"timeout": _CONNECT_SECONDS},
    )
    return runner


def _say(run: Run, pseudonym: str, state: Any) -> None:
    line = f"{pseudonym}: {str(state.name).lower()}, {state.message}"
    run.say(
        line,
        pseudonym,
        "subject",
        "End",
    )
    get_run_logger().info(line)
