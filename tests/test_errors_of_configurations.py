"""Errors of a configuration name the key, and the file and line or the variable it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.documents import parse
from deidflow.errors import ConfigError
from deidflow.header.load_profile import read_profile
from deidflow.settings.anonymize import load_anonymize_settings
from deidflow.settings.given import given_paths
from deidflow.settings.load import load_settings

PLACES = {"source": "/a", "release": "/b", "vault": "/c"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("level: low\nworkers: 2\nlevel: high\n", "line 3: key 'level' is already given in line 1"),
        ("ids:\n  prefix: A\n  prefix: B\n", "line 3: key 'prefix' is already given in line 2"),
        (
            "deface:\n  scope:\n    - {action: skip, action: force, reason: abc}\n",
            "line 3: key 'action'",
        ),
        ("level: low\n'level': high\n", "line 2: key 'level'"),
        ("workers: 2\nlevel: medium\n", "line 2: 'level': "),
        (
            "project: p\nids:\n  prefix: A\n  widht: 4\n",
            "line 4: unknown key 'ids.widht'; did you mean 'width'",
        ),
        ("\nworkerz: 2\n", "line 2: unknown key 'workerz'; did you mean 'workers'"),
        ("ids:\n  start: 5000\n", "line 1: 'ids': start 5000 has more digits"),
        (
            "header:\n  remove:\n    - StationName\n    - StationNam\n",
            "line 4: 'header.remove.1': no attribute",
        ),
        ("header:\n  replace:\n    PatientNam: x\n", "line 3: .*did you mean 'PatientName'"),
        (
            "level: low\nprofile: resaerch\n",
            "line 2: there is no profile 'resaerch'; did you mean 'research'",
        ),
        ("project: x\nrunner: dask\n", "line 2: 'runner': .*scheduler"),
        ("project: 2026-02-31\n", "impossible date"),
        ("level: low\n  workers: 2\n", "is not YAML, line 2"),
        ("- level\n", "line 1: must hold keys and values"),
    ],
)
def test_file_and_line_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=rf"configuration file 'site.yaml'.*{message}"):
        load_settings(PLACES, file, {})


@pytest.mark.parametrize(
    "text", ["level: low\nlevel: high\n", "level: middle\n", "ids: {widht: 4}\n"]
)
def test_anonymize_names_file_and_line_too(tmp_path: Path, text: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"configuration file 'site.yaml', line [12]: "):
        load_anonymize_settings({"sources": ("/a",), "out": "/b"}, file, {})


def test_a_wrong_variable_and_a_wrong_flag_are_not_blamed_on_the_file(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("level: low\nworkers: 2\n")
    with pytest.raises(ConfigError, match=r"^DEIDFLOW_WORKERS: 'workers'"):
        load_settings(PLACES, file, {"DEIDFLOW_WORKERS": "many"})
    with pytest.raises(ConfigError, match=r"^'workers'"):
        load_settings(PLACES | {"workers": -1}, file, {"DEIDFLOW_WORKERS": "3"})
    with pytest.raises(ConfigError, match=r"the value of DEIDFLOW_IDS, line 1: key 'prefix'"):
        load_settings(PLACES, file, {"DEIDFLOW_IDS": "{prefix: A, prefix: B}"})


def test_a_profile_and_a_manifest_with_a_key_twice(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("extends: high\nprivate: []\nprivate: [all]\n")
    with pytest.raises(ConfigError, match=r"profile 'own.yaml', line 3: key 'private'"):
        read_profile(file)
    file.write_text("T1DCM: a\nT1DCM: b\n")
    with pytest.raises(ConfigError, match=r"manifest 'own.yaml', line 2: key 'T1DCM'"):
        given_paths(file)


def test_profiles_that_extend_each_other(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(f"title: x\nextends: {second}\n")
    second.write_text(f"extends: {first}\n")
    with pytest.raises(
        ConfigError, match=r"first.yaml', line 2, 'extends': .*second.yaml', line 1.*extends itself"
    ):
        read_profile(first)


def test_equal_keys_of_different_sections_and_anchors_are_no_duplicates() -> None:
    text = "a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\nc: *x\n1: one\n'1': text\n"
    assert parse(text, "text").value["b"] == {"k": 3, "l": 2}


def test_anonymize_takes_the_environment_as_run_does(tmp_path: Path) -> None:
    environment = {
        "DEIDFLOW_LEVEL": "low",
        "DEIDFLOW_VAULT": str(tmp_path / "vault"),
        "DEIDFLOW_PROJECT": "trial",
        "DEIDFLOW_WORKERS": "3",
        "DEIDFLOW_HEADER": "{uid_root: 1.2.3, keep: [StationName]}",
        "DEIDFLOW_IDS": "{prefix: S}",
        "DEIDFLOW_PRIVATE": "none",
        "DEIDFLOW_RELEASE": "/elsewhere",
    }
    file = tmp_path / "site.yaml"
    file.write_text("level: high\nproject: other\nprofile: basic\n")
    flags = {
        "sources": ("/a",),
        "out": "/b",
        "project": "mine",
        "header": {"keep": (), "uid_root": None},
    }
    settings = load_anonymize_settings(flags, file, environment)
    assert (settings.level, settings.project, settings.profile) == ("low", "mine", "basic")
    assert (settings.vault, settings.workers, settings.private) == (tmp_path / "vault", 3, "none")
    assert (settings.header.uid_root, settings.header.keep, settings.ids.prefix) == (
        "1.2.3",
        ("StationName",),
        "S",
    )
