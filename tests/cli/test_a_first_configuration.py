"""`deidflow init` writes a file that a run takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deidflow.errors import ConfigError, UsageError
from deidflow.settings.load import load_settings
from deidflow.settings.starter import QUESTIONS, ask_all, starter_text, write_starter
from tests.commands import clean_environment, command_line


def defaults(_: str, default: str) -> str:
    return default


def test_the_defaults_are_a_valid_configuration(tmp_path: Path) -> None:
    answers = ask_all(defaults, {})
    write_starter(tmp_path / "site.yaml", answers)
    settings = load_settings({}, tmp_path / "site.yaml", environment={})

    assert settings.level == "high"
    assert str(settings.release) == "/data/release-high"
    assert (tmp_path / "site.yaml").stat().st_mode & 0o077 == 0


def test_answers_are_in_the_file(tmp_path: Path) -> None:
    given = {
        "source": "/data/it's #1: new",
        "release": str(tmp_path / "r"),
        "vault": str(tmp_path / "v"),
        "level": "low",
        "project": "cohort-a",
        "prefix": "SUB",
        "faces": "yes",
    }
    write_starter(tmp_path / "site.yaml", ask_all(defaults, given))
    settings = load_settings({}, tmp_path / "site.yaml", environment={})

    assert str(settings.source) == "/data/it's #1: new"
    assert settings.ids.prefix == "SUB"
    assert settings.deface.when == "always"


@pytest.mark.parametrize("line", ["true", "12", "null", "- a", "{a}", "a: b", "x #y", "~"])
def test_odd_texts_are_read_back(line: str) -> None:
    import yaml

    answers = ask_all(defaults, {"source": line})

    assert yaml.safe_load(starter_text(answers, "f.yaml"))["source"] == line


def test_every_example_in_a_comment_is_a_known_key(tmp_path: Path) -> None:
    text = starter_text(ask_all(defaults, {}), "site.yaml")
    head, _, rest = text.partition("\nsource:")
    uncommented = rest.replace("\n# ", "\n").replace("\n#   ", "\n  ").replace("\n  # ", "\n  ")
    (tmp_path / "site.yaml").write_text(f"source:{uncommented}")
    settings = load_settings({}, tmp_path / "site.yaml", environment={})

    assert head.startswith("# A project")
    assert settings.header.remove == ("StationName",)
    assert settings.deface.scope[0].reason == "knees by protocol"


def test_faces_are_not_asked_about_at_level_high() -> None:
    asked = []

    def ask(words: str, default: str) -> str:
        asked.append(words)
        return default

    ask_all(ask, {"level": "high"})
    assert len(asked) == len(QUESTIONS) - 2
    assert not any("faces" in words for words in asked)


def test_bad_answers_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'level'"):
        ask_all(defaults, {"level": "medium"})
    with pytest.raises(ConfigError):
        write_starter(tmp_path / "site.yaml", ask_all(defaults, {"project": "Not OK"}))
    with pytest.raises(UsageError, match="inside"):
        write_starter(tmp_path / "site.yaml", ask_all(defaults, {"vault": "/data/inbox/vault"}))
    assert not (tmp_path / "site.yaml").exists()


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("precious")
    result = command_line("init", tmp_path / "site.yaml", "--yes")

    assert result.returncode == 2
    assert (tmp_path / "site.yaml").read_text() == "precious"


def test_the_command_asks_and_writes(tmp_path: Path) -> None:
    answers = f"{tmp_path}/in\n{tmp_path}/out\n{tmp_path}/vault\nlow\n\nS\nyes\n"
    result = subprocess.run(
        [Path(sys.executable).with_name("deidflow"), "init", tmp_path / "site.yaml"],
        input=answers,
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )
    settings = load_settings({}, tmp_path / "site.yaml", environment={})

    assert result.returncode == 0
    assert settings.level == "low"
    assert settings.ids.prefix == "S"


def test_nobody_to_ask_is_said() -> None:
    result = command_line("init", "/nonexistent/site.yaml")

    assert result.returncode == 2
    assert "--yes" in result.stderr
