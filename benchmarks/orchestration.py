"""What Prefect costs beside the work: steps that do nothing, in one process, against one server.

    .venv/bin/python benchmarks/orchestration.py [SUBJECTS ...]

For each number of subjects (50 without an argument): milliseconds a step over the same steps
without Prefect (at most 5) and what empty tasks of Prefect cost with nothing of ours; seconds of a
run where all is up to date beyond a run on nobody (at most 1.5, for 50); what a subject costs in
time and in Prefect's database (must not grow with their number; try 200 1000 5000).
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deidflow.face.template import prepare_template
from deidflow.face.template_place import template_path
from deidflow.release.layout import Layout
from deidflow.run.start import locked_run
from deidflow.run.summary import read_summary
from deidflow.settings.load import load_settings
from deidflow.steps import STEPS
from deidflow.steps.step import Step
from flows.hosting.server import server, wait_for_rows, without_heartbeat
from tests.places import give_template
from tests.simulated_run import nothing_to_compute
from tests.synthetic import save_series

STEP_COUNT = len(STEPS)
FEW, BARE = 200, 50
SETTLE_SECONDS = 10
"""The server still stores events of the run before; the next one of a site comes a night later."""


def make_source(folder: Path, subjects: int) -> Path:
    """Subjects of one image each."""
    folder.mkdir(parents=True)
    (folder / "readme.txt").write_text("nobody")
    for number in range(subjects):
        uid = f"1.2.{number + 1}"
        names = {"PatientID": f"PID-{number:06d}", "PatientName": f"Person{number:06d}^Xaver"}
        save_series(
            folder / f"{number:06d}", 1, StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1", **names
        )
    return folder


@contextmanager
def without_prefect() -> Iterator[None]:
    """The step tasks of a subject as plain functions."""
    from flows import subject as chain

    real = chain.task_of

    def plain(step: Step[Any]) -> Callable[..., Any]:
        task = real(step)
        return lambda *names, return_state: task.fn(*names)  # noqa: ARG005

    chain.task_of = plain
    yield
    chain.task_of = real


def read_rows(layout: Layout) -> int:
    """Tasks that Prefect shows of the last run."""
    summary = read_summary(layout.summary)
    return 0 if summary is None else summary.rows


def run(root: Path, source: Path, *, shown: bool = True) -> float:
    """One whole run; its seconds of wall time until every row is stored."""
    from flows.deidentify import deidentify

    settings = load_settings(
        {
            "source": source,
            "release": root / "release",
            "vault": root / "vault",
            "level": "high",
            "workers": 2,
        },
        environment={},
    )
    layout, run_id = Layout.of(settings), secrets.token_hex(4)
    if not layout.templates.exists():
        give_template(settings.vault, template_path(root.parent, ears=True))
    start = time.monotonic()
    with locked_run(settings) as vault, without_heartbeat():
        state = deidentify(run_id, settings, vault)
    wall = time.monotonic() - start
    if shown:
        wait_for_rows(state.state_details.flow_run_id, read_rows(layout))
    return wall


def bare_tasks(subjects: int) -> float:
    """So many tasks of Prefect, one a subject with its steps inside, and nothing of ours."""
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner

    from tasks.common import OPTIONS

    @task(
        name="step",
        task_run_name="step {number} {subject}",
        **OPTIONS,
    )
    def step(number: int, subject: int) -> None:
        """Nothing."""

    @task(
        name="subject",
        task_run_name="{number}",
        **OPTIONS,
    )
    def subject(number: int) -> None:
        for one in range(STEP_COUNT):
            step(one, number, return_state=True)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def bare() -> None:
        for future in [subject.submit(number) for number in range(subjects)]:
            future.wait()

    with without_heartbeat():
        start = time.monotonic()
        bare()
        return time.monotonic() - start


def steps_alone(root: Path, source: Path) -> float:
    """The same subjects through the same steps, without a task for any of them."""
    from flows import fan_out

    class Plain:
        """A runner that calls."""

        def __enter__(self) -> Plain:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing to end."""

        def submit(self, task: Any, parameters: dict[str, Any]) -> Any:
            """The state that the call ends in."""
            return Done(task.fn(**parameters))

    class Done:
        """A future of the past."""

        def __init__(self, state: Any) -> None:
            self.state = state

        def wait(self) -> None:
            """It is over."""

    real = fan_out.runner_of, fan_out.as_completed
    fan_out.runner_of, fan_out.as_completed = lambda settings: Plain(), lambda futures: futures  # noqa: ARG005
    with without_prefect():
        wall = run(root, source, shown=False)
    fan_out.runner_of, fan_out.as_completed = real
    return wall


def database(home: Path) -> int:
    """Bytes of Prefect's database and its log."""
    return sum(path.stat().st_size for path in home.glob("prefect.db*"))


def measure(subjects: int) -> None:
    """Print what so many subjects cost: the best of three rounds, of one where they are many."""
    with tempfile.TemporaryDirectory() as folder, nothing_to_compute():
        root = Path(folder)
        prepare_template(str(template_path(root, ears=True)), True)
        source, nobody = make_source(root / "source", subjects), make_source(root / "nobody", 0)
        rounds = []
        for number in range(3 if subjects <= FEW else 1):
            rounds.append(
                one_round(
                    root,
                    number,
                    source,
                    nobody,
                )
            )

        shown, alone, again, empty, bare, grown = map(min, zip(*rounds, strict=True))
        step = 1000 * (shown - alone) / subjects / STEP_COUNT
        print(
            f"{subjects} subjects: {shown:.1f} s, without Prefect {alone:.1f} s: {step:.1f} ms a step; up to date "
            f"{again:.1f} s, on nobody {empty:.1f} s: {again - empty:.2f} s beyond; a subject: "
            f"{1000 * shown / subjects:.0f} ms, {grown / subjects / 1024:.0f} KiB of database; "
            f"tasks of Prefect with nothing of ours: {1000 * bare / BARE / STEP_COUNT:.1f} ms a step",
            flush=True,
        )


def one_round(root: Path, number: int, source: Path, nobody: Path) -> tuple[float, ...]:
    """Seconds of a first run, the same without Prefect, a rerun, a run on nobody, bare tasks; bytes
    of database."""
    empty = run(root / f"empty{number}", nobody)
    bare = bare_tasks(BARE)
    time.sleep(SETTLE_SECONDS)
    before = database(Path(os.environ["PREFECT_HOME"]))
    shown = run(root / f"shown{number}", source)
    grown = database(Path(os.environ["PREFECT_HOME"])) - before
    time.sleep(SETTLE_SECONDS)
    alone = steps_alone(root / f"alone{number}", source)
    again = run(root / f"shown{number}", source)
    return shown, alone, again, empty, bare, float(grown)


def main() -> None:
    """Measure each number of subjects on one server."""
    with tempfile.TemporaryDirectory() as home, server(Path(home)):
        for subjects in map(int, sys.argv[1:] or ["50"]):
            measure(subjects)


if __name__ == "__main__":
    main()
