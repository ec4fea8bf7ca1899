"""Staging beside or inside a release, on whatever file system the release lies."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deidflow.store.locks import held
from deidflow.store.staging import contents_of, is_inside, remove_staging, staging_of
from tests.places import mounted


def test_a_folder_is_staged_beside_it(tmp_path: Path) -> None:
    release = tmp_path / "release"
    assert staging_of(release) == tmp_path / ".release.deidflow"
    release.mkdir()
    assert staging_of(release) == tmp_path / ".release.deidflow"


def test_behind_a_link_the_target_counts(tmp_path: Path) -> None:
    (tmp_path / "share" / "Läkare 脳").mkdir(parents=True)
    (tmp_path / "release").symlink_to(tmp_path / "share" / "Läkare 脳")
    assert staging_of(tmp_path / "release") == tmp_path / "share" / ".Läkare 脳.deidflow"


@pytest.fixture(params=["tmpfs", "bind"])
def volume(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A mount point of its own, and one on the same file system."""
    place = tmp_path / "a volume ü"
    if request.param == "tmpfs":
        options = ["-t", "tmpfs", "-o", "size=4m", "tmpfs"]
    else:
        (tmp_path / "behind").mkdir()
        options = ["--bind", os.fspath(tmp_path / "behind")]
    with mounted(place, *options):
        yield place


def test_a_mount_point_is_staged_inside(volume: Path) -> None:
    staging = staging_of(volume)
    assert (staging, is_inside(volume)) == (volume / ".deidflow", True)
    staging.mkdir()
    (staging / "session").mkdir()
    (staging / "session").rename(volume / "P001")
    assert [path.name for path in contents_of(volume)] == ["P001"]


def test_what_the_file_system_made_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".deidflow").mkdir()
    assert contents_of(tmp_path) == []


def test_a_read_only_parent_is_staged_inside(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    with mounted(outer, "-t", "tmpfs", "-o", "size=4m", "tmpfs"):
        (outer / "data" / "release").mkdir(parents=True)
        subprocess.run(["mount", "-o", "remount,ro", outer], check=True)
        assert staging_of(outer / "data" / "release") == outer / "data" / "release" / ".deidflow"


def test_staging_goes_with_its_lock_and_stays_where_sessions_wait(tmp_path: Path) -> None:
    release = tmp_path / "release"
    release.mkdir()
    staging = staging_of(release)
    with held(staging / "lock", "release"):
        (staging / "withdrawn" / "P001" / "M00").mkdir(parents=True)
        (staging / "withdrawn" / "P001" / "M00" / "session.json").touch()
        remove_staging(release)
        assert (staging / "lock").exists()
        (staging / "withdrawn" / "P001" / "M00" / "session.json").unlink()
        remove_staging(release)
        assert not staging.exists()


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path: Path) -> None:
    with held(tmp_path / "lock", "release"):
        (tmp_path / "lock").unlink()
        with held(tmp_path / "lock", "release"):
            assert (tmp_path / "lock").exists()
