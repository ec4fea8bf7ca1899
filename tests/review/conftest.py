"""A release to decide on, made anew for each test, and the page served by a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from deidflow.release.layout import Layout
from deidflow.review.desk import Desk
from tests.browser import headless
from tests.commands import clean_environment
from tests.synthetic_release import MadeRelease, make_release

PROGRAM = "from deidflow.cli import main; main()"


@pytest.fixture(scope="package")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release whose pictures are made; tests get copies."""
    folder = tmp_path_factory.mktemp("template")
    desk = Desk(make_release(folder).layout, b"key")
    for case in desk.cases():
        desk.card(case)
    return folder


@pytest.fixture
def made(template: Path, tmp_path: Path) -> MadeRelease:
    folder = tmp_path / "made"
    shutil.copytree(template, folder)
    return MadeRelease(Layout(folder / "release", folder / "vault", "default", "high"))


@pytest.fixture
def layout(made: MadeRelease) -> Layout:
    return made.layout


@pytest.fixture
def desk(layout: Layout) -> Desk:
    return Desk(layout, b"key")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with headless() as browser:
        yield browser


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, "review", *arguments]


def reviewed(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`deidflow review` as somebody calls it."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=120,
        check=False,
    )


@contextmanager
def served(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a served page, and its process."""
    process = subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean_environment(),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield line.split()[-1], process
    finally:
        process.kill()
        process.wait()
