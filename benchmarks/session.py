"""CPU of one session, step by step, beside `cp -r` and `gzip -1` of the same bytes.

    PYTHONPATH=. .venv/bin/python benchmarks/session.py SOURCE [TIMES]

SOURCE is a folder of one subject with one session, best one head series of about 24 MB. Every
figure is the least of TIMES measurements (3 by default); children of children are counted. A step
begins, as in a run, with what the run loads once for all its steps; that is a line of its own. The
bounds, in CPU seconds for 170 slices of 256 x 256: anonymize 0.5, convert 1.5, deface 5,
reconstruct 2.5, verify 1; without deface at most 6 times the two commands.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from measure import Cost, cost

import deidflow.store.preload  # noqa: F401  the threads and settings that children have
from deidflow.identity.workorder import read_order
from deidflow.run.context import Run, preloaded
from deidflow.run.session import SessionRun, recorded_steps
from deidflow.settings.run import RunSettings
from deidflow.steps import STEPS
from deidflow.steps.step import StepJob
from deidflow.store.children import Children

MEMORY = 8 << 30


def used_by(work: Callable[[], object]) -> float:
    """CPU seconds of a call in a process of its own, its children counted."""
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        code = _measured(work, writer)
        os._exit(code)

    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    _, status = os.waitpid(process, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit("a step failed")
    return float(text)


def _measured(work: Callable[[], object], writer: int) -> int:
    start = time.process_time()
    work()
    own = time.process_time() - start
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = own + children.ru_utime + children.ru_stime
    os.write(writer, str(total).encode())
    return 0


def finished_session(settings: RunSettings) -> SessionRun:
    """The only session of a vault that a run has finished."""
    run = Run("benchmark", settings, Children(MEMORY))
    orders = [read_order(path) for path in run.layout.work.glob("*/order.json")]
    if len(orders) != 1 or len(orders[0].sessions) != 1:
        raise SystemExit("SOURCE must be one subject with one session")

    session = SessionRun(run, orders[0], orders[0].sessions[0])
    session.finished = recorded_steps(session)
    return session


def load_cost(settings: RunSettings) -> float:
    """CPU seconds of loading what the steps of a run share, beside the modules of this program."""
    start = time.process_time()
    for module in preloaded(settings):
        import_module(module)
    return time.process_time() - start


def step_costs(session: SessionRun, times: int) -> dict[str, float]:
    """Step -> CPU seconds of its work alone, with the outputs of the steps before."""
    costs = {}
    for step in STEPS:
        job = session.job()
        if step.moves or not step.applies(job):
            continue
        costs[step.name] = min(_step_cost(step.work, job) for _ in range(times))
    return costs


def _step_cost(work: Callable[[StepJob], object], job: StepJob) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        with_scratch = replace(job, scratch=Path(scratch))
        return used_by(lambda: work(with_scratch))


def neighbours(source: Path, root: Path, times: int) -> float:
    """CPU seconds of copying the source and compressing its bytes."""
    copy = root / "copy"
    packed = root / "packed.gz"
    command = f"cp -r '{source}' '{copy}' && find '{copy}' -type f -exec cat {{}} + | gzip -1 > '{packed}'"
    costs = []
    for _ in range(times):
        costs.append(cost(("sh", "-c", command)).cpu)
        shutil.rmtree(copy)
    return min(costs)


def run_cost(source: Path, root: Path) -> Cost:
    """What `deidflow run` costs from source to published; the second time there is nothing to do."""
    program = Path(sys.executable).with_name("deidflow")
    return cost(
        (program, "run", source, root / "release", "--vault", root / "vault", "--level", "high")
    )


def main() -> None:
    """Print the table."""
    source = Path(sys.argv[1]).resolve()
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        whole = run_cost(source, root)
        again = run_cost(source, root)
        settings = RunSettings(
            source=source,
            release=root / "release",
            vault=root / "vault",
            level="high",
        )
        session = finished_session(settings)
        loaded = load_cost(settings)
        costs = step_costs(session, times)
        copied = neighbours(source, root, times)

    for name, seconds in costs.items():
        print(f"{name:12} {seconds:6.2f} CPU s")
    print(f"{'once a run':12} {loaded:6.2f} CPU s")
    others = sum(seconds for name, seconds in costs.items() if name != "deface")
    print(f"all but deface {others:.2f} CPU s: {others / copied:.1f} times cp -r and gzip -1 "
          f"({copied:.2f})")  # fmt: skip
    print(f"whole run {whole.cpu:.1f} CPU s, {whole.wall:.1f} s wall; "
          f"with nothing to do {again.cpu:.1f} CPU s, {again.wall:.1f} s wall")  # fmt: skip


if __name__ == "__main__":
    main()
