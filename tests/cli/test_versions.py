"""What a bug report asks for can be printed."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from deidflow.version import __version__


@pytest.mark.parametrize("arguments", [["--version", "--verbose"], ["--verbose", "--version"]])
def test_the_verbose_version_names_tools_and_platform(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "deidflow", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = finished.stdout.splitlines()
    assert lines[0] == f"deidflow {__version__}"
    assert lines[1].startswith("Python 3.")
    assert f"dcm2niix {metadata.version('dcm2niix')}" in lines


def test_the_version_alone_is_one_line() -> None:
    command = [sys.executable, "-m", "deidflow", "--version"]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stdout.split() == [__version__]
