"""Bad input: one line that says what and what to do, the right exit code, nothing half-written."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import command_here, command_line
from tests.places import write_secret
from tests.synthetic import save_series


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    save_series(tmp_path / "source" / "someone")
    return {name: tmp_path / name for name in ("source", "release", "vault")}


def refused(code: int, says: str, *arguments: object, **environment: str) -> None:
    result = command_here(*arguments, **environment)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert re.search(says, result.stderr), result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_a_missing_source(places: dict[str, Path], tmp_path: Path) -> None:
    refused(
        2,
        "does not exist",
        "run",
        tmp_path / "absent",
        places["release"],
        "--vault",
        places["vault"],
    )
    assert not places["release"].exists()


def test_a_list_that_names_what_is_not_there(places: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "list").write_text("missing.dcm\n")
    target = (places["release"], "--vault", places["vault"])
    refused(2, "1 of 1 paths", "run", f"@{tmp_path / 'list'}", *target)
    refused(2, "does not exist", "run", tmp_path / "missing.dcm", *target)


def test_a_vault_inside_the_release_or_source(places: dict[str, Path]) -> None:
    for inside in ("source", "release"):
        refused(
            2,
            f"inside the {inside}",
            "run",
            places["source"],
            places["release"],
            "--vault",
            places[inside] / "v",
        )
    assert not (places["source"] / "v").exists()


def test_a_release_inside_the_source(places: dict[str, Path]) -> None:
    refused(
        2,
        "release lies inside the source",
        "run",
        places["source"],
        places["source"] / "r",
        "--vault",
        places["vault"],
    )


def test_a_place_that_is_not_given(places: dict[str, Path]) -> None:
    refused(2, "'vault' is not given", "run", places["source"], places["release"])


def test_an_unknown_key_of_the_configuration_names_the_nearest(
    places: dict[str, Path], tmp_path: Path
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("workerz: 2\n")
    refused(
        2,
        "unknown key 'workerz'; did you mean 'workers'",
        "run",
        places["source"],
        places["release"],
        "--vault",
        places["vault"],
        "--config",
        config,
    )
    config.write_text("deface:\n  gate:\n    agrement_mm: 2\n")
    refused(
        2,
        "did you mean 'agreement_mm'",
        "run",
        places["source"],
        places["release"],
        "--vault",
        places["vault"],
        "--config",
        config,
    )


def test_a_bad_value_names_its_key(places: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("level: medium\n")
    refused(
        2,
        "'level'",
        "run",
        places["source"],
        places["release"],
        "--vault",
        places["vault"],
        "--config",
        tmp_path / "c.yaml",
    )


def test_a_vault_of_another_secret(places: dict[str, Path]) -> None:
    from deidflow.identity.secret import Keys
    from deidflow.identity.vault import Vault

    write_secret(places["vault"])
    Vault(places["vault"], Keys(b"other" * 8, "default", "high")).close()
    refused(
        2, "another secret", "run", places["source"], places["release"], "--vault", places["vault"]
    )
    assert not places["release"].exists()


def test_a_release_made_with_another_vault(places: dict[str, Path]) -> None:
    places["release"].mkdir()
    (places["release"] / "dataset.json").write_text('{"release_id": "somebody else\'s"}')
    refused(
        2, "another vault", "run", places["source"], places["release"], "--vault", places["vault"]
    )


def test_an_unreadable_secret_file(places: dict[str, Path], tmp_path: Path) -> None:
    refused(
        3,
        "DEIDFLOW_SECRET_FILE",
        "run",
        places["source"],
        places["release"],
        "--vault",
        places["vault"],
        DEIDFLOW_SECRET_FILE=str(tmp_path / "absent"),
    )


def test_a_missing_file_of_subjects(places: dict[str, Path]) -> None:
    refused(
        2,
        "--subjects cannot be read",
        "run",
        places["source"],
        places["release"],
        "--vault",
        places["vault"],
        "--subjects",
        "@absent",
    )


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach: pytest makes those above its own private again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody without permissions")
def test_an_unwritable_release_and_an_unreadable_source(open_folder: Path) -> None:
    """As a user who may not: root itself may write everywhere."""
    source, release, vault = (open_folder / name for name in ("source", "release", "vault"))
    save_series(source / "someone")
    vault.mkdir()
    os.chown(vault, 65534, 65534)
    modules = (
        "deidflow.cli.run, deidflow.cli.tables, deidflow.cli.progress, deidflow.run.start, "
        "concurrent.futures.thread, deidflow.report.write"
    )
    become_nobody = "os.setgid(65534); os.setuid(65534)"
    script = f"import os, SimpleITK, {modules}; {become_nobody}; deidflow.cli.main()"
    command = [sys.executable, "-c", script, "run", source, release, "--vault", vault]

    def as_nobody() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={"HOME": "/nonexistent"},
        )

    result = as_nobody()
    assert (result.returncode, "cannot be written" in result.stderr) == (3, True), result.stderr
    source.chmod(0o700)
    result = as_nobody()
    assert (result.returncode, "cannot be read" in result.stderr) == (3, True), result.stderr


def test_help_answers_in_half_a_second_of_cpu() -> None:
    """The best of three: a machine at work makes each second of CPU do less."""
    seconds = []
    for _ in range(3):
        before = children_cpu()
        result = command_line("--help")
        seconds.append(children_cpu() - before)
        assert result.returncode == 0
        assert "run" in result.stdout
        if seconds[-1] < 0.5:
            return
    pytest.fail(f"each took half a second and more: {seconds}")


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_file_then_environment_then_flag(tmp_path: Path) -> None:
    from deidflow.settings.load import load_settings

    (tmp_path / "c.yaml").write_text(
        "source: /a\nrelease: /b\nvault: /c\nworkers: 1\nlevel: low\nproject: one\n"
    )
    settings = load_settings(
        {"project": "three", "level": None},
        tmp_path / "c.yaml",
        {"DEIDFLOW_WORKERS": "2", "DEIDFLOW_PROJECT": "two"},
    )
    assert (settings.level, settings.workers, settings.project) == ("low", 2, "three")


def test_plan_writes_nothing_and_says_what_would_happen(
    places: dict[str, Path], tmp_path: Path
) -> None:
    import json

    (places["source"] / "notes.txt").write_text("x")
    before = sorted(tmp_path.rglob("*"))
    result = command_here("plan", places["source"], "--json", HOME=str(tmp_path))
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["files"] == 4
    assert {row["verdict"]: row["files"] for row in found["verdicts"]} == {
        "to be released": 3,
        "skipped": 1,
    }
    assert found["subjects"][0]["sessions"][0]["series"][0]["series"] == "003-MR"
    assert sorted(tmp_path.rglob("*")) == before
    assert "someone" not in result.stdout + result.stderr


def test_an_empty_source_leaves_nothing_behind(places: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(2, "no files", "run", tmp_path / "empty", places["release"], "--vault", places["vault"])
    assert not places["release"].exists()
    assert not places["vault"].exists()


def test_a_log_inside_the_source(places: dict[str, Path]) -> None:
    refused(
        2,
        "log lies inside",
        "run",
        places["source"],
        places["release"],
        "--vault",
        places["vault"],
        "--log",
        places["source"] / "log",
    )


def test_unknown_options_and_levels_are_one_line() -> None:
    refused(2, "level", "run", "a", "b", "--vault", "c", "--level", "medium")
    refused(2, "Unknown option", "run", "--nope")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"1: 2\n", b"[a"])
def test_a_configuration_that_is_none(
    places: dict[str, Path], tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "c.yaml").write_bytes(content)
    refused(
        2,
        "configuration file",
        "run",
        places["source"],
        places["release"],
        "--vault",
        places["vault"],
        "--config",
        tmp_path / "c.yaml",
    )


def test_places_in_the_environment_are_taken_as_they_are(tmp_path: Path) -> None:
    from deidflow.errors import ConfigError
    from deidflow.settings.load import load_settings

    environment = {"DEIDFLOW_VAULT": f"{tmp_path}/vault #3", "DEIDFLOW_PROJECT": "0123"}
    settings = load_settings({"source": "/a", "release": "/b"}, None, environment)
    assert (settings.vault.name, settings.project) == ("vault #3", "0123")
    with pytest.raises(ConfigError, match="DEIDFLOW_WORKERS"):
        load_settings({"source": "/a", "release": "/b"}, None, {"DEIDFLOW_WORKERS": "[a"})
