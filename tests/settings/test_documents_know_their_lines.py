"""YAML documents know the line of every key, refuse duplicates, and suggest the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.documents import parse, read_document
from deidflow.errors import ConfigError
from deidflow.resources import load_table, load_yaml, resource, resources_digest
from deidflow.spelling import did_you_mean
from deidflow.verdicts import Reason, Verdict

TEXT = """\
level: low
ids:
  prefix: S
header:
  remove:
    - StationName
    - OperatorsName
  replace: {PatientName: X}
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("level",), 1),
        (("ids",), 2),
        (("ids", "prefix"), 3),
        (("ids", "width"), 2),
        (("header", "remove", 1), 7),
        (("header", "remove", 5), 5),
        (("header", "replace", "PatientName"), 8),
        (("header", "replace", "PatientName", "deeper"), 8),
        (("missing", "prefix"), 1),
    ],
)
def test_a_path_has_the_line_of_its_key_or_of_the_nearest_around_it(
    path: tuple[str | int, ...], line: int
) -> None:
    document = parse(TEXT, "configuration file 'site.yaml'")

    assert document.line(path) == line
    assert document.where(path) == f"configuration file 'site.yaml', line {line}"


def test_an_empty_document_has_no_value() -> None:
    document = parse("# nothing yet\n", "text")

    assert document.value is None
    assert document.line(("level",)) == 1


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a"),
        ("x:\n  - {k: 1}\n  - {k: 1,\n     k: 2}\n", 4, "k"),
        ("{a: 1, a: 1}", 1, "a"),
        ("x: &x {a: 1}\ny:\n  <<: *x\n  b: 1\n  b: 2\n", 5, "b"),
    ],
)
def test_a_key_that_is_given_twice_is_refused(text: str, line: int, key: str) -> None:
    with pytest.raises(ConfigError, match=f"text, line {line}: key '{key}' is already given"):
        parse(text, "text")


def test_an_anchor_that_is_used_often_is_checked_once() -> None:
    layers = ["a0: &a0 [x, x]"]
    for number in range(1, 30):
        layers.append(f"a{number}: &a{number} [*a{number - 1}, *a{number - 1}]")
    text = "\n".join(layers)

    assert parse(text, "text").line(("a29",)) == 30


def test_a_document_that_contains_itself_ends() -> None:
    document = parse("a: &a\n  b: *a\n", "text")

    assert document.line(("a", "b", "b")) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2\n", "text is not YAML, line"),
        ("a: 2022-02-31\n", "impossible date"),
        ("[" * 1500 + "]" * 1500, "nested too deeply"),
    ],
)
def test_what_cannot_be_parsed_is_a_configuration_error(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(text, "text")


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("level: low\n", encoding="utf-8-sig")

    document = read_document(file, "configuration file")
    assert document.value == {"level": "low"}
    assert document.name == "configuration file 'site.yaml'"


@pytest.mark.parametrize(
    ("content", "message"), [(b"\xff\xfe", "not UTF-8 text"), (None, "No such file")]
)
def test_a_file_that_cannot_be_read_is_called_by_what_it_is(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "own.yaml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigError, match=f"the profile cannot be read: .*{message}"):
        read_document(file, "profile")


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("widht", "; did you mean 'width'?"),
        ("prefixx", "; did you mean 'prefix'?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_suggested(wrong: str, hint: str) -> None:
    assert did_you_mean(wrong, ["width", "prefix"]) == hint


def test_a_lower_cutoff_suggests_more() -> None:
    assert did_you_mean("wth", ["width"], cutoff=0.9) == ""
    assert did_you_mean("wth", ["width"], cutoff=0.3) == "; did you mean 'width'?"


def test_every_yaml_file_of_the_project_has_unique_keys() -> None:
    files = sorted(Path(str(resource(""))).rglob("*.yaml"))
    assert len(files) > 5

    for file in files:
        parse(file.read_text("utf-8"), file.name)


def test_the_digest_of_data_files_depends_on_their_order() -> None:
    names = ("profiles/low.yaml", "profiles/high.yaml")

    assert resources_digest(names) == resources_digest(names)
    assert resources_digest(names) != resources_digest(names[::-1])


def test_tables_and_documents_are_read_once() -> None:
    assert load_yaml("profiles/low.yaml") is load_yaml("profiles/low.yaml")
    tables = sorted(path.name for path in Path(str(resource("standard"))).glob("*.csv"))

    assert tables
    rows = load_table(f"standard/{tables[0]}")
    assert rows
    assert all(row.keys() == rows[0].keys() for row in rows)


def test_codes_of_reasons_and_verdicts_are_unique_and_stable() -> None:
    codes = [reason.value for reason in Reason]

    assert len(set(codes)) == len(codes)
    assert Reason("not-dicom") is Reason.NOT_DICOM
    assert str(Reason.NOT_DICOM) == f"{Reason.NOT_DICOM}" == "not-dicom"
    assert f"{Verdict.RELEASED}" == "released"
    with pytest.raises(ValueError, match="nothing-known"):
        Reason("nothing-known")
