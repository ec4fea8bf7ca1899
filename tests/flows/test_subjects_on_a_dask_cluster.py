"""Subjects are worked on by the processes of a Dask cluster; the bytes are those of one machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import command_line
from tests.flows.conftest import make_cohort
from tests.places import tree_digest, write_secret

distributed = pytest.importorskip("distributed", reason="`make test-all` installs prefect-dask")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shared_server")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two processes and a scheduler."""
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": None,
    }
    with distributed.LocalCluster(**options, silence_logs=40) as one:
        yield one.scheduler_address


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    make_cohort(folder / "source", subjects=4)
    return folder / "source"


def arguments(source: Path, root: Path, settings: str = "") -> list[object]:
    if not (root / "vault").exists():
        write_secret(root / "vault")
    (root / "c.yaml").write_text(f"level: low\n{settings}")
    return ["run", source, root / "release", "--vault", root / "vault", "--config", root / "c.yaml"]


def test_the_same_bytes_as_on_one_machine_and_all_rows(
    cluster: str, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "dask").mkdir()
    (tmp_path / "threads").mkdir()
    run = command_line
    settings = f"runner: dask\nscheduler: {cluster}\n"
    first = run(*arguments(source, tmp_path / "dask", settings))
    assert first.returncode == 0, first.stderr
    assert all(f"P00{number}: completed, released" in first.stderr for number in (1, 2, 3, 4))
    summary = json.loads(
        (tmp_path / "dask" / "vault" / "work" / "default-low" / "summary.json").read_text()
    )
    assert summary["rows"] == 2 + 4 * (1 + 5), "discover, report, and each subject with its steps"
    again = run(*arguments(source, tmp_path / "dask", settings))
    assert again.returncode == 0 and "P003: cached, nothing to do" in again.stderr, again.stderr
    assert run(*arguments(source, tmp_path / "threads")).returncode == 0
    assert tree_digest(tmp_path / "dask" / "release") == tree_digest(
        tmp_path / "threads" / "release"
    )
    assert not list((tmp_path / "dask" / "vault" / "work" / "runs").iterdir())


def test_a_scheduler_that_is_not_there(source: Path, tmp_path: Path) -> None:
    result = command_line(
        *arguments(source, tmp_path, "runner: dask\nscheduler: tcp://127.0.0.1:9\n")
    )
    assert (result.returncode, "Dask scheduler" in result.stderr) == (3, True), result.stderr


def test_a_cluster_needs_a_scheduler(source: Path, tmp_path: Path) -> None:
    result = command_line(*arguments(source, tmp_path, "runner: dask\n"))
    assert (result.returncode, "needs the address of a scheduler" in result.stderr) == (2, True), (
        result.stderr
    )
