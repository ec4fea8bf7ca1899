"""The page about adding a step is right: three files, and every part of the house knows the step."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-step.md"
SEEN = """
from typing import get_args

from deidflow.settings.load import load_settings
from deidflow.run.start import check_redo
from deidflow.steps import STEP_NAMES, STEPS
from flows.hosting.offered_flows import StepName
from flows.subject import task_of

assert STEP_NAMES[4] == "measure"
assert {task_of(step).name for step in STEPS} == set(STEP_NAMES) == set(get_args(StepName))
places = {name: f"/nowhere/{name}" for name in ("source", "release", "vault")}
check_redo(load_settings({**places, "redo": "measure"}, environment={}))
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the packages, with the files of the page."""
    for package in ("deidflow", "flows", "tasks", "configs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)

    step, task = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "deidflow" / "steps" / "measure.py").write_text(step)
    (tmp_path / "tasks" / "measure.py").write_text(task)
    order = tmp_path / "deidflow" / "steps" / "__init__.py"
    text = order.read_text()
    text = text.replace(
        "from deidflow.steps.publish",
        "from deidflow.steps.measure import MEASURE\nfrom deidflow.steps.publish",
    )
    order.write_text(text.replace("DEFACE, RECONSTRUCT", "DEFACE, MEASURE, RECONSTRUCT"))
    return tmp_path


def test_a_step_takes_three_files(house: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(house)}
    seen = subprocess.run(
        [sys.executable, "-c", SEEN],
        cwd=house,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert seen.returncode == 0, seen.stderr
