"""What a run is asked for: files, folders, lists and manifests, and which series of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deidflow.bulk.locate import locate
from deidflow.errors import UsageError
from deidflow.settings.given import given_paths
from deidflow.settings.input import InputSettings
from deidflow.settings.load import load_settings
from deidflow.settings.run import RunSettings
from tests.flows.conftest import Site, new_site


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ({"modalities": ["ct", "MR"]}, True),
        ({"modalities": ["CT"]}, False),
        ({"body_parts": ["BRAIN", "head*"]}, True),
        ({"body_parts": [""]}, False),
        ({"series": ["*t1*"]}, True),
        ({"series": ["*t2*", "mpr_*"]}, True),
        ({"series": ["!*loc*"]}, True),
        ({"series": ["*t1*", "!*sag*"]}, False),
        ({"series": ["*t2*"]}, False),
    ],
)
def test_which_series_are_asked_for(asked: dict[str, list[str]], taken: bool) -> None:
    names = ["T1 mprage SAG", "MPR_3D"]
    assert InputSettings(**asked).takes("MR", "HEAD", names) is taken
    assert not InputSettings(body_parts=("HEAD",)).takes("MR", "", names)


def settings(tmp_path: Path, source: str | Path) -> RunSettings:
    places = {"source": source, "release": tmp_path / "release", "vault": tmp_path / "vault"}
    return load_settings(places, environment={})


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_source_in_each_form(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    for name in ("a/1.dcm", "a/2.dcm", "b/c/3.dcm"):
        written(inbox / name, "x")
    rows = "Path;Subject;Session;Category\na/1.dcm;sub-1;M00;T1DCM\nb;sub-2;M00;\n"
    objects = [{"path": "a/1.dcm", "subject": "sub-1"}, {"path": "b"}]
    sources = [
        written(inbox / "cohort.csv", rows),
        written(inbox / "cohort.json", json.dumps(objects)),
        written(inbox / "cohort.yaml", "- path: a/1.dcm\n  session: M00\n- b\n"),
        f"@{written(inbox / 'list.txt', 'a/1.dcm' + chr(10) + 'b' + chr(10))}",
    ]
    for source in sources:
        made = settings(tmp_path, source)
        assert (made.source, made.input.paths) == (inbox, ("a/1.dcm", "b"))
        again = RunSettings(**json.loads(made.model_dump_json()))
        assert again == made

    places = {"source": "@list.txt", "release": "../release", "vault": "../vault"}
    assert load_settings(places, environment={}, base=inbox).input.paths == ("a/1.dcm", "b")
    one = settings(tmp_path, inbox / "a" / "1.dcm")
    assert (one.source, one.input.paths) == (inbox / "a", ("1.dcm",))
    assert settings(tmp_path, inbox).input.paths == ()
    beside = settings(tmp_path, f"@{written(tmp_path / 'all.txt', 'inbox/a/1.dcm')}")
    assert beside.sources == (inbox / "a" / "1.dcm",)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.csv", "file\na\n", "has no column 'path'"),
        ("x.csv", "path\nx.csv\nmissing.dcm\n", "1 of 2 paths .* not there, .* from the first: 2"),
        ("x.json", "[1]", "must contain a list of paths"),
        ("x.yaml", "- path: x.yaml\n  sesion: b\n", "entry 1: .*'sesion'; did you mean 'session'"),
        ("x.json", '{"T1DCM": "x.json", "T3DCM": "x.json"}', "key 'T3DCM'; did you mean"),
        ("x.json", '{"path": "x.json", "subjekt": "S1"}', "'subjekt'; did you mean 'subject'"),
    ],
)
def test_what_cannot_be_meant_is_said(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        settings(tmp_path, written(tmp_path / name, text))


def test_an_empty_list_is_said_by_each_command(tmp_path: Path) -> None:
    empty = written(tmp_path / "list.txt", "# nobody\n")
    for asks in (lambda: settings(tmp_path, f"@{empty}"), lambda: locate(given_paths(f"@{empty}"))):
        with pytest.raises(UsageError, match="names no file"):
            asks()


def test_a_manifest_of_excel_in_utf_16_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("path;subject\r\nx.csv;S1\r\n".encode("utf-16"))

    assert settings(tmp_path, tmp_path / "x.csv").input.entries[0].subject == "S1"


def test_what_is_left_out_is_counted(one_server: None, tmp_path: Path) -> None:
    site: Site = new_site(tmp_path)
    files = sorted((site.source / "Xaver 0").iterdir())
    rows = f"path\n{files[0].relative_to(site.source)}\nXaver 1\n"
    manifest = written(site.source / "cohort.csv", rows)
    site.run(source=manifest)
    assert (site.summary.files, site.summary.verdicts["released"]) == (4, 4)

    site.run(input={"series": ["*knee*"]})
    assert ("excluded", "left-out", 6) in site.summary.reasons
    assert site.summary.files == 7 == sum(site.summary.verdicts.values())
    assert not list(site.release.glob("P*"))
    site.run(input={"series": ["T1*"], "modalities": ["MR"], "body_parts": ["HEAD"]})
    assert site.summary.verdicts["released"] == 6
