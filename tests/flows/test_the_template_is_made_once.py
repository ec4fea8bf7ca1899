"""The prepared template is computed once per machine, whatever vault a run uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.face.template_place import template_path
from deidflow.run.context import Run
from deidflow.run.template import provide_template
from deidflow.settings.run import RunSettings
from deidflow.store.machine_cache import is_intact, keep, machine_cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "deidflow"


def run_in(root: Path) -> Run:
    """A run on a new vault."""
    settings = RunSettings(
        source=root / "source",
        release=root / "release",
        vault=root / "vault",
    )
    return Run.start("1234", settings)


def test_a_new_vault_takes_the_template_of_the_machine(
    tmp_path: Path, cache: Path, template_file: Path
) -> None:
    keep(template_file, cache / template_file.name)

    run = run_in(tmp_path)
    provide_template(run)
    run.end()

    provided = template_path(run.layout.templates, ears=False)
    assert provided.read_bytes() == template_file.read_bytes()
    assert not run.layout.tool_log.exists(), "nothing was computed"


def test_a_cut_file_of_the_cache_is_not_taken(cache: Path, template_file: Path) -> None:
    kept = cache / template_file.name
    keep(template_file, kept)
    assert is_intact(kept)

    kept.write_bytes(kept.read_bytes()[:-1])
    assert not is_intact(kept)


def test_a_file_without_its_hash_does_not_count(cache: Path, template_file: Path) -> None:
    kept = cache / template_file.name
    keep(template_file, kept)
    kept.with_suffix(".sha256").unlink()
    assert not is_intact(kept)


def test_the_cache_is_where_the_user_wants_it(tmp_path: Path) -> None:
    assert machine_cache({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "deidflow"
    assert machine_cache({}) == Path.home() / ".cache" / "deidflow"
