"""A release on a volume of its own, reached through a link: the same faults, the same end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deidflow.errors import EnvironmentFault, ReleaseBusy
from deidflow.store.locks import held
from tests.commands import clean_environment
from tests.flows.conftest import ALL, Site, make_cohort, wait_until
from tests.places import give_template, mounted, tree_digest, write_secret

EVERYTHING = {"P001": ALL, "P002": ALL}


@pytest.fixture
def volume(one_server: None, tmp_path: Path) -> Iterator[Site]:
    """Source and vault on one file system, the release on another, behind a link."""
    make_cohort(tmp_path / "source", subjects=2, slices=3)
    write_secret(tmp_path / "vault")
    with mounted(
        tmp_path / "Läkare 脳" / "a share", "-t", "tmpfs", "-o", "size=100m", "tmpfs"
    ) as share:
        (tmp_path / "release").symlink_to(share)
        yield Site(tmp_path)


def test_a_run_leaves_the_release_and_nothing_else(volume: Site, first: Path) -> None:
    assert volume.run() == EVERYTHING
    assert tree_digest(volume.release) == tree_digest(first / "release")
    assert not (volume.release / ".deidflow").exists()


@pytest.mark.slow
def test_a_new_version_replaces_the_old_and_a_withdrawn_one_goes_to_the_vault(
    volume: Site, template_file: Path
) -> None:
    volume.run()
    before = tree_digest(volume.release)
    volume.run(redo="anonymize")
    assert tree_digest(volume.release) == before

    give_template(volume.root / "vault", template_file)
    volume.run(deface={"when": "always"})
    assert not list(volume.release.glob("P*")) and not (volume.release / ".deidflow").exists()
    kept = volume.root / "vault" / "withdrawn" / "default-low"
    assert [path.name for path in sorted(kept.iterdir())] == ["P001", "P002"]


@pytest.mark.slow
def test_a_killed_run_carries_on(volume: Site, first: Path) -> None:
    places = [
        str(volume.source),
        str(volume.release),
        "--vault",
        str(volume.root / "vault"),
        "--level",
        "low",
    ]
    command = [str(Path(sys.executable).with_name("deidflow")), "run", *places]
    process = subprocess.Popen(command, env=clean_environment(), stderr=subprocess.DEVNULL)
    wait_until(lambda: list(volume.release.glob(".deidflow/staged/P*")), 60, "staged session")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (volume.release / ".deidflow").stat().st_mode & 0o777 == 0o700
    volume.run()
    assert tree_digest(volume.release) == tree_digest(first / "release")


@pytest.mark.slow
def test_a_full_volume_is_named_and_the_next_run_goes_on(
    volume: Site, first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deidflow.run.start._LEAST_FREE", 0)
    subprocess.run(["mount", "-o", "remount,size=16k", volume.release.resolve()], check=True)
    volume.run(fails=True)
    assert "no space left" in volume.summary.error
    assert volume.summary.exit_code == 3

    subprocess.run(["mount", "-o", "remount,size=100m", volume.release.resolve()], check=True)
    volume.run()
    assert volume.summary.exit_code == 0
    assert tree_digest(volume.release) == tree_digest(first / "release")


def test_a_read_only_volume_is_refused_in_words(volume: Site) -> None:
    subprocess.run(["mount", "-o", "remount,ro", volume.release.resolve()], check=True)
    with pytest.raises(EnvironmentFault, match="cannot be written: Read-only file system"):
        volume.run()


def test_a_second_run_is_refused(volume: Site) -> None:
    with (
        held(volume.release / ".deidflow" / "lock", "release"),
        pytest.raises(ReleaseBusy, match="another run"),
    ):
        volume.run()
