"""A new vault begins with a history without runs, which this machine made once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from deidflow.store.machine_cache import machine_cache
from flows.hosting.history import history_file, keep_history, provide_history


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", raising=False)


def kept() -> list[str]:
    return [path.suffix for path in machine_cache().glob("history-*")]


def home_with(root: Path, rows: int) -> Path:
    """A home of Prefect with a database of so many runs."""
    root.mkdir()
    with closing(sqlite3.connect(history_file(root))) as database, database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('1')")
        database.execute("CREATE TABLE flow_run (name TEXT)")
        database.executemany("INSERT INTO flow_run VALUES (?)", [("run",)] * rows)
    return root


def test_a_new_vault_takes_the_empty_history(tmp_path: Path) -> None:
    keep_history(home_with(tmp_path / "first", rows=0))
    assert sorted(kept()) == [".db", ".sha256"]

    home = tmp_path / "second"
    provide_history(home)
    with closing(sqlite3.connect(history_file(home))) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("1",)]


def test_a_history_with_runs_is_never_kept(tmp_path: Path) -> None:
    keep_history(home_with(tmp_path / "first", rows=1))
    assert kept() == []


def test_a_history_that_is_there_stays(tmp_path: Path) -> None:
    keep_history(home_with(tmp_path / "first", rows=0))
    second = home_with(tmp_path / "second", rows=2)
    before = history_file(second).read_bytes()
    provide_history(second)
    assert history_file(second).read_bytes() == before


def test_a_site_with_a_database_of_its_own_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_history(home_with(tmp_path / "first", rows=0))
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql+asyncpg://db")
    provide_history(tmp_path / "second")
    assert not history_file(tmp_path / "second").exists()
