"""Settings are checked once; a message names what is wrong and what would be right."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from deidflow.errors import ConfigError, UsageError
from deidflow.settings.absolute import absolute_paths
from deidflow.settings.anonymize import AnonymizeSettings, load_anonymize_settings
from deidflow.settings.layout_template import check_template
from deidflow.settings.load import checked, load_plan_settings, load_settings
from deidflow.settings.paths import resolved
from deidflow.settings.run import PlanSettings, RunSettings

PLACES = {"source": "/a", "release": "/b", "vault": "/c"}


@pytest.mark.parametrize(
    "template",
    [
        "mirror",
        "{subject}/{timepoint}/{series}",
        "{subject}/{series}",
        "sub-{subject}/ses-{timepoint}/{series}",
        "{subject}_{series}",
    ],
)
def test_templates_that_name_subject_and_series_are_usable(template: str) -> None:
    check_template(template)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{subject}", "must hold {subject} and {series}"),
        ("{series}", "must hold {subject} and {series}"),
        ("subject/series", "must hold {subject} and {series}"),
        ("{subject}/{series}/{name}", "unknown field 'name'"),
        ("{subject}/{}", "unknown field ''"),
        ("{subject}/{series!r}", "without '!' or ':'"),
        ("{subject:>9}/{series}", "without '!' or ':'"),
        ("{subject/{series}", "not a valid template"),
        ("/data/{subject}/{series}", "must stay below the output"),
        ("../{subject}/{series}", "must stay below the output"),
    ],
)
def test_other_templates_say_what_they_lack(template: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("{", r"\{").replace("}", r"\}")):
        check_template(template)


def test_paths_are_absolute_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    expected = tmp_path / "data" / "x"
    assert resolved("link/x") == resolved(Path("~/link/x")) == expected


def test_the_level_is_put_into_the_release_s_path() -> None:
    places = {**PLACES, "release": "/data/{level}"}

    assert load_settings(places, None, {}).release == Path("/data/high")
    assert load_settings({**places, "level": "low"}, None, {}).release == Path("/data/low")


@pytest.mark.parametrize(
    ("changes", "inner", "outer"),
    [
        ({"vault": "/a/vault"}, "vault", "source"),
        ({"vault": "/b/vault"}, "vault", "release"),
        ({"release": "/a/release"}, "release", "source"),
        ({"source": "/b/raw"}, "source", "release"),
        ({"release": "/c/release"}, "release", "vault"),
        ({"source": "/c/raw"}, "source", "vault"),
        ({"vault": "/a"}, "vault", "source"),
    ],
)
def test_folders_of_a_run_are_apart(changes: dict[str, str], inner: str, outer: str) -> None:
    with pytest.raises(UsageError, match=f"the {inner} lies inside the {outer}"):
        load_settings(PLACES | changes, None, {})


@pytest.mark.parametrize("log", ["/a/log", "/b/log"])
def test_a_log_is_neither_in_the_source_nor_in_the_release(log: str) -> None:
    with pytest.raises(UsageError, match="the log lies inside"):
        load_settings({**PLACES, "log": log}, None, {})
    assert load_settings({**PLACES, "log": "/c/log"}, None, {}).log == Path("/c/log")


@pytest.mark.parametrize("key", ["source", "release", "vault"])
def test_a_missing_place_is_named_with_its_variable(key: str) -> None:
    places = {name: path for name, path in PLACES.items() if name != key}

    with pytest.raises(ConfigError, match=f"'{key}' is not given.*DEIDFLOW_{key.upper()}"):
        load_settings(places, None, {})
    settings = load_settings(places, None, {f"DEIDFLOW_{key.upper()}": "/from/environment"})
    assert getattr(settings, key) == Path("/from/environment")


def test_subjects_are_words_or_a_list() -> None:
    expected = ("P001", "P002", "P003")
    given: list[Any] = ["P001, P002 P003", ["P001", "P002", "P003"], expected]

    for subjects in given:
        assert load_settings({**PLACES, "subjects": subjects}, None, {}).subjects == expected


def test_faces_are_removed_at_level_high_or_always() -> None:
    def defacing(**values: Any) -> bool:
        return load_settings({**PLACES, **values}, None, {}).defacing

    assert defacing(level="high")
    assert not defacing(level="low")
    assert defacing(level="low", deface={"when": "always"})


def test_dask_needs_a_scheduler() -> None:
    with pytest.raises(ConfigError, match="needs the address of a scheduler"):
        load_settings({**PLACES, "runner": "dask"}, None, {})

    values = {**PLACES, "runner": "dask", "scheduler": "tcp://host:8786"}
    assert load_settings(values, None, {}).scheduler == "tcp://host:8786"


def test_a_plan_needs_a_source_only() -> None:
    settings = load_plan_settings({"source": "/a", "level": "low"}, None, {})

    assert type(settings) is PlanSettings
    assert (settings.source, settings.vault, settings.level) == (Path("/a"), None, "low")


def test_a_plan_checks_what_a_run_needs_too() -> None:
    with pytest.raises(ConfigError, match="'scheduler'"):
        load_plan_settings({"source": "/a", "scheduler": "nowhere"}, None, {})
    with pytest.raises(UsageError, match="vault lies inside the source"):
        load_plan_settings({"source": "/a", "vault": "/a/v"}, None, {})


def test_settings_never_change_after_the_check() -> None:
    settings = load_settings(PLACES, None, {})

    with pytest.raises(ValueError, match="frozen"):
        settings.level = "low"


def test_values_without_an_origin_are_checked_as_well() -> None:
    with pytest.raises(ConfigError, match=r"^unknown key 'ids.widht'; did you mean 'width'\?"):
        checked(RunSettings, {**PLACES, "ids": {"widht": 3}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ids": {"hash": "MD5"}}, "MD5 is refused: anyone with a list of IDs"),
        ({"ids": {"start": 1000}}, "raise the width"),
        ({"ids": {"strategy": "csv"}}, "needs the section 'csv'"),
        ({"ids": {"folder": {"regex": "("}}}, "not a valid regular expression"),
        ({"ids": {"folder": {"regex": "sub-[0-9]+"}}}, "has no group"),
        ({"header": {"uid_root": "1.02"}}, "not a valid UID"),
        ({"header": {"uid_root": "1.2.840.10008.1"}}, "belongs to the DICOM standard"),
        ({"header": {"uid_root": "1." * 20 + "1"}}, "is too long"),
        ({"deface": {"engine": "command", "command": ["tool", "{image}"]}}, "{mask}"),
        ({"project": "My Study"}, "'project'"),
        ({"workers": -1}, "'workers'"),
        ({"workers": "many"}, "'workers': must be a whole number"),
        ({"input": {"modalities": "MR"}}, "'input.modalities': must be a list"),
        ({"deface": 3}, "'deface': must be a section with keys"),
        ({"deface": {"skin": {"least_mm": "a"}}}, "'deface.skin.least_mm': must be a number"),
        ({"deface": {"fill": "x"}}, "'deface.fill': must be 'average' or a number"),
    ],
)
def test_sections_say_what_would_be_right(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(PLACES | values, None, {})

    assert message in str(caught.value)


def anonymize(**flags: Any) -> AnonymizeSettings:
    values = {"sources": ("/a",), "out": "/b", **flags}
    return load_anonymize_settings(values, None, {})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"out": "/a/out"}, "output lies inside the source"),
        ({"out": "/"}, "output lies inside the source"),
        ({"vault": "/b/vault"}, "vault lies inside the output"),
        ({"backup": "/b"}, "backup lies inside the output"),
        ({"audit": "/a/audit.csv"}, "audit lies inside the source"),
        ({"log": "/a/log"}, "log lies inside the source"),
        ({"vault": "/v", "out": "/v/out"}, "output lies inside the vault"),
        ({"on_exists": "resume"}, "needs a vault"),
    ],
)
def test_places_of_anonymize_are_apart(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        anonymize(**flags)


def test_every_source_is_checked() -> None:
    with pytest.raises(UsageError, match="output lies inside the source"):
        anonymize(sources=("/a", "/c"), out="/c/out")


def test_an_audit_in_excel_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"must end in .csv, .json, .jsonl"):
        anonymize(audit="/x/audit.xlsx")


def test_flags_of_the_header_are_merged_into_the_file_s_section(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("header: {keep: [StationName], uid_root: 1.2.3}\nscheduler: ''\nsource: /raw\n")
    flags = {
        "sources": ("/a",),
        "out": "/b",
        "header": {"keep": (), "remove": ("Manufacturer",), "shift_days": 0, "keep_uids": False},
    }

    header = load_anonymize_settings(flags, file, {}).header
    assert header.keep == ("StationName",)
    assert header.remove == ("Manufacturer",)
    assert header.shift_days == 0
    assert header.uid_root == "1.2.3"


def test_relative_paths_start_from_the_folder_of_a_site(tmp_path: Path) -> None:
    values = {
        "source": "raw",
        "vault": Path("/vault"),
        "profile": "own.yaml",
        "ids": {"strategy": "csv", "csv": {"path": "names.csv"}},
        "deface": {"command": ["bin/engine", "{image}", "{mask}"]},
    }

    absolute = absolute_paths(values, tmp_path)
    assert absolute["source"] == str(tmp_path / "raw")
    assert Path(absolute["vault"]) == Path("/vault")
    assert absolute["profile"] == str(tmp_path / "own.yaml")
    assert absolute["ids"]["csv"]["path"] == str(tmp_path / "names.csv")
    assert absolute["deface"]["command"][0] == str(tmp_path / "bin/engine")


def test_names_and_wrong_types_are_not_taken_for_paths(tmp_path: Path) -> None:
    values = {"profile": "high", "source": 3, "ids": "x", "deface": {"command": ["engine"]}}

    assert absolute_paths(values, tmp_path) == values


def test_a_run_s_paths_may_start_from_a_base(tmp_path: Path) -> None:
    places = {"source": "in", "release": "out", "vault": "vault"}
    settings = load_settings(places, None, {}, base=tmp_path)

    assert settings.source == tmp_path / "in"
    assert load_settings(places, None, {}).source == Path(os.path.realpath("in"))
