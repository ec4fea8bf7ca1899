"""Files, folders, lists and manifests all end as files below one root, each counted once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from deidflow.bulk.locate import locate
from deidflow.errors import UsageError
from deidflow.settings.given import given_paths


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_a_list_skips_comments_and_empty_lines(tmp_path: Path) -> None:
    entries = "# scans of today\n\n  one.dcm  \n/absolute/two.dcm\n"
    (tmp_path / "list.txt").write_text(entries, encoding="utf-8-sig")

    paths = given_paths(f"@{tmp_path / 'list.txt'}")
    assert paths == (tmp_path / "one.dcm", Path("/absolute/two.dcm"))


def test_a_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert given_paths("~/scans") == (tmp_path / "scans",)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (["a.dcm", "b"], ["a.dcm", "b"]),
        ({"T1DCM": "t1", "notes": "notes.txt"}, ["t1"]),
        ({"T1DCM": ["t1", "t1b"], "UTE1": "ute"}, ["t1", "t1b", "ute"]),
        ({"first": "a", "#second": "b", "count": 3, "empty": ""}, ["a"]),
    ],
)
def test_manifests_name_paths_beside_them(
    tmp_path: Path, manifest: Any, expected: list[str]
) -> None:
    (tmp_path / "raw.json").write_text(json.dumps(manifest))

    paths = given_paths(tmp_path / "raw.json")
    assert paths == tuple(tmp_path / name for name in expected)


def test_keys_of_a_yaml_manifest_may_be_numbers(tmp_path: Path) -> None:
    (tmp_path / "raw.yaml").write_text("1: one.dcm\n2: [two.dcm]\n")

    paths = given_paths(tmp_path / "raw.yaml")
    assert paths == (tmp_path / "one.dcm", tmp_path / "two.dcm")


def test_lists_of_lists_are_flattened() -> None:
    given: Any = ["a", [Path("b"), ["c"]]]

    assert given_paths(given) == (Path("a"), Path("b"), Path("c"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("raw.json", b"{", "'raw.json' is not JSON"),
        ("raw.json", b"3", "list of paths, or keys"),
        ("raw.json", b'["a", 3]', "list of paths, or keys"),
        ("raw.json", b'{"T1DCM": 3}', "names no file and no folder"),
        ("raw.yaml", b"a: [", "manifest 'raw.yaml' is not YAML"),
        ("raw.json", b"\xff", "not UTF-8 text"),
    ],
)
def test_a_bad_manifest_says_what_is_wrong(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UsageError, match=message):
        given_paths(tmp_path / name)


def test_a_list_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        given_paths(f"@{tmp_path / 'missing.txt'}")


def test_a_manifest_that_does_not_exist_is_a_path_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "missing.json"

    assert given_paths(path) == (path,)
    with pytest.raises(UsageError, match="the source does not exist"):
        locate([path])


def test_files_of_a_folder_are_relative_to_it(tmp_path: Path) -> None:
    source = tree(tmp_path / "in", "b/2", "a", "b/1")

    located = locate([source])
    assert located.root == source
    assert located.paths == ("a", "b/1", "b/2")
    assert located.everything == located.paths


def test_two_sources_share_a_root_and_count_a_file_once(tmp_path: Path) -> None:
    source = tree(tmp_path / "in", "a/1", "a/2", "b/1")

    located = locate([source / "b", source / "a" / "2", source / "a"])
    assert located.root == source
    assert sorted(located.paths) == ["a/1", "a/2", "b/1"]


def test_a_single_file_has_its_folder_as_root(tmp_path: Path) -> None:
    source = tree(tmp_path, "scan.dcm")

    located = locate([source / "scan.dcm"])
    assert (located.root, located.paths) == (tmp_path, ("scan.dcm",))


def test_a_link_to_a_source_is_followed_links_inside_are_not(tmp_path: Path) -> None:
    source = tree(tmp_path / "in", "a")
    (source / "inner").symlink_to(source / "a")
    (tmp_path / "link").symlink_to(source)

    located = locate([tmp_path / "link"])
    assert (located.root, located.paths) == (source, ("a",))


def test_staging_folders_are_listed_and_not_read(tmp_path: Path) -> None:
    source = tree(tmp_path / "in", "a", ".out.deidflow/staged/1")

    located = locate([source])
    assert located.paths == ("a",)
    assert located.working == (".out.deidflow",)
    assert located.everything == ("a", ".out.deidflow")


def test_a_staging_folder_is_no_source(tmp_path: Path) -> None:
    source = tree(tmp_path, ".out.deidflow/staged/1")

    with pytest.raises(UsageError, match="working folder of deidflow"):
        locate([source / ".out.deidflow" / "staged"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty", "the source holds no files"),
        ("pipe", "the source is neither a file nor a folder"),
        ("missing", "the source does not exist"),
    ],
)
def test_what_is_no_source_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UsageError, match=message):
        locate([tmp_path / name])


def test_one_of_several_sources_is_named_by_its_number(tmp_path: Path) -> None:
    source = tree(tmp_path / "in", "a")

    with pytest.raises(UsageError, match="source 2 does not exist"):
        locate([source, tmp_path / "missing"])
