"""One task a subject, on threads of this machine or on a Dask cluster."""

from __future__ import annotations

import importlib
from typing import Any

from prefect import get_run_logger
from prefect.futures import as_completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from deidflow.errors import DeidflowError, EnvironmentFault
from deidflow.face.template import prepare_template, template_path
from deidflow.run.context import Run
from deidflow.run.discovery import RunBatch
from deidflow.run.start import worker_count
from deidflow.settings.run import RunSettings
from flows.subject import subject
from tasks.prefect_pages import Pages, Progress


def fan_out(run: Run, batch: RunBatch, pages: Pages) -> None:
    """Take every ordered subject through its steps; returns when the last has ended."""
    _prepare_template(run, batch)
    progress = Progress(len(batch.orders), pages)
    with runner_of(run.settings) as runner:
        try:
            futures = {_submitted(runner, one.pseudonym, run): one for one in batch.orders}
            for future in as_completed(list(futures)):
                future.wait()
                _say(run, futures[future].pseudonym, future.state)
                progress.advance(future.state)
                if run.fault is not None:
                    break
        except BaseException:
            run.stop(DeidflowError("the run was stopped; run again to carry on"))
            raise


def _submitted(runner: TaskRunner[Any], pseudonym: str, run: Run) -> Any:
    try:
        return runner.submit(subject, {"pseudonym": pseudonym, "run": run})
    except OSError:
        raise EnvironmentFault(
            "the Dask scheduler does not answer; check 'scheduler' and that it runs"
        ) from None


def runner_of(settings: RunSettings) -> TaskRunner[Any]:
    """Threads, as many as subjects are at work at once (the heavy work is in child processes), or Dask."""
    if settings.runner == "threads":
        return ThreadPoolTaskRunner(max_workers=worker_count(settings))
    try:
        dask = importlib.import_module("prefect_dask")
    except ImportError:
        raise EnvironmentFault(
            "runner 'dask' needs prefect-dask; install deidflow with its extra 'dask'"
        ) from None
    options = {"client_kwargs": {"timeout": _CONNECT_SECONDS}}
    found: TaskRunner[Any] = dask.DaskTaskRunner(address=settings.scheduler, **options)
    return found


_CONNECT_SECONDS = 10


def _prepare_template(run: Run, batch: RunBatch) -> None:
    path = template_path(run.layout.templates, ears=run.settings.deface.ears)
    if run.settings.defacing and batch.orders and not path.exists():
        arguments = (str(path), run.settings.deface.ears)
        run.children.run(run.layout.tool_log, prepare_template, *arguments)


def _say(run: Run, pseudonym: str, state: Any) -> None:
    line = f"{pseudonym}: {str(state.name).lower()}, {state.message}"
    run.say(line, pseudonym, "subject", "End")
    get_run_logger().info(line)
