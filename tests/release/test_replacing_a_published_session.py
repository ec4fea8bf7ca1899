"""A published session is replaced as a whole, with or without an exchange of folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deidflow.release import publish as publishing
from deidflow.release.publish import complete, publish


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    folder = tmp_path / ".release.staging"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Session M00 of P001, as an earlier run published it."""
    return session(tmp_path / "release" / "P001" / "M00", "old")


@pytest.fixture
def staged(staging: Path) -> Path:
    """The same session, made again."""
    return session(staging / "P001" / "M00", "new")


@pytest.fixture
def no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on NFS, where renameat2 knows no RENAME_EXCHANGE."""
    monkeypatch.setattr(publishing, "_exchange", lambda *_: False)


def session(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "slice_001.dcm").write_text(version)
    (folder / f"only_in_{version}").touch()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def die_before_rename(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Die before rename `number` of those that `publish` makes itself."""
    rename, calls = os.rename, []

    def counted(source: Path, target: Path) -> None:
        if Path(target).suffix != ".json":
            calls.append(target)
        if len(calls) == number:
            raise Killed
        rename(source, target)

    monkeypatch.setattr(publishing.os, "rename", counted)


def assert_replaced(staging: Path, published: Path) -> None:
    assert names(published) == ["only_in_new", "slice_001.dcm"]
    assert (published / "slice_001.dcm").read_text() == "new"
    assert not list(staging.rglob("*.old"))
    assert not list(staging.rglob("*.json"))
    assert not (staging / "P001" / "M00").exists()


def test_with_an_exchange(staging: Path, staged: Path, published: Path) -> None:
    publish(staged, published, staging)
    assert_replaced(staging, published)


@pytest.mark.usefixtures("no_exchange")
def test_without_an_exchange(staging: Path, staged: Path, published: Path) -> None:
    publish(staged, published, staging)
    assert_replaced(staging, published)


@pytest.mark.usefixtures("no_exchange")
def test_killed_before_the_first_rename_the_old_version_stays(
    staging: Path, staged: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        die_before_rename(patch, 1)
        publish(staged, published, staging)

    complete(staging)
    assert names(published) == ["only_in_old", "slice_001.dcm"]
    assert names(staged) == ["only_in_new", "slice_001.dcm"]
    publish(staged, published, staging)
    assert_replaced(staging, published)


@pytest.mark.usefixtures("no_exchange")
def test_killed_between_the_renames_the_next_run_completes(
    staging: Path, staged: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        die_before_rename(patch, 2)
        publish(staged, published, staging)

    assert not published.exists()
    complete(staging)
    assert_replaced(staging, published)


@pytest.mark.usefixtures("no_exchange")
def test_killed_after_the_renames_the_next_run_cleans_up(
    staging: Path, staged: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []

    def die_at_second(folder: Path) -> None:
        removed.append(folder)
        if len(removed) == 2:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(publishing, "remove_tree", die_at_second)
        publish(staged, published, staging)

    assert list(staging.glob("*.old"))
    complete(staging)
    assert_replaced(staging, published)


@pytest.mark.usefixtures("no_exchange")
def test_the_old_version_comes_back_where_the_new_one_is_gone(
    staging: Path, staged: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        die_before_rename(patch, 2)
        publish(staged, published, staging)
    publishing.remove_tree(staged)

    complete(staging)
    assert names(published) == ["only_in_old", "slice_001.dcm"]
    assert not list(staging.rglob("*.json"))


def test_completing_twice_changes_nothing(staging: Path, published: Path) -> None:
    complete(staging)
    complete(staging)
    assert names(published) == ["only_in_old", "slice_001.dcm"]
