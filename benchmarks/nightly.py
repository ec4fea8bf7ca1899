"""A nightly run over a large cohort of which nearly everybody is up to date; steps do nothing.

    PYTHONPATH=. .venv/bin/python benchmarks/nightly.py [SUBJECTS] [FOLDER]

SUBJECTS (1,000 by default; 10,000 need 9 GB) of 100 small files are made in FOLDER, or in a
temporary one, and a quarter as many. Their first run takes no Prefect and writes small files in
the place of a session's; then come, as `deidflow run` does them: a run with nothing new, and two
with five new subjects. CPU counts all processes. The bounds, for 10,000: 60 s with five new
subjects; CPU of a subject must not grow with their number.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from measure import cost
from small_files import INSTANCES, make_small_files

from deidflow.cli.run import summary_of_run
from deidflow.settings.load import load_settings
from tests.simulated_run import nothing_to_compute, run_alone

NEW = 5
"""Subjects that come between two nights."""
_ONE = "--one"
_NOT_READ = "burned_in: {read: never}\n"
_MILLI = 1000


class Night(NamedTuple):
    """What a run cost: CPU seconds, and MiB of the largest process."""

    cpu: float
    peak: float


def main() -> None:
    """Print what the nights cost."""
    if _ONE in sys.argv:
        _, _, kind, root = sys.argv
        _do(kind, Path(root))
        return

    subjects = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    if len(sys.argv) > 2:
        _compare(subjects, Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        _compare(subjects, Path(folder))


def _compare(subjects: int, root: Path) -> None:
    few = subjects // 4
    small = _nights(few, root / f"{few}")
    large = _nights(subjects, root / f"{subjects}")
    for kind, night in large.items():
        growth = (night.cpu - small[kind].cpu) / (subjects - few) * _MILLI
        share = night.cpu / subjects * _MILLI
        print(f"{kind}: {growth:.2f} ms for each subject more, {share:.2f} ms in the mean")


def _nights(subjects: int, root: Path) -> dict[str, Night]:
    """Make a cohort, run it, and measure the nights after."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "config.yaml").write_text(_NOT_READ)
    shutil.rmtree(root / "source", ignore_errors=True)
    for name in ("vault", "release"):
        shutil.rmtree(root / name, ignore_errors=True)
    make_small_files(root / "source", subjects * INSTANCES)

    nights = {"first run, without Prefect": _night("first", root)}
    nights["nothing new"] = _night("night", root)
    for number in range(2):
        make_small_files(root / "source", NEW * INSTANCES, subjects + number * NEW)
        nights[f"five new subjects, night {number + 1}"] = _night("night", root)
    for kind, night in nights.items():
        print(
            f"{subjects:,} subjects, {kind}: {night.cpu:.1f} CPU s, {night.peak:.0f} MiB",
            flush=True,
        )
    return nights


def _night(kind: str, root: Path) -> Night:
    measured = cost((sys.executable, __file__, _ONE, kind, root))
    return Night(measured.cpu, measured.peak)


def _do(kind: str, root: Path) -> None:
    """A run in this process."""
    flags = {
        "source": root / "source",
        "release": root / "release",
        "vault": root / "vault",
        "level": "low",
        "workers": 2,
    }
    settings = load_settings(flags, root / "config.yaml")
    if kind == "first":
        run_alone(settings)
        return
    with nothing_to_compute():
        summary = summary_of_run(settings, quiet=True)
    raise SystemExit(summary.exit_code)


if __name__ == "__main__":
    os.umask(0o077)
    main()
