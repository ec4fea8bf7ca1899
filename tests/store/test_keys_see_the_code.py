"""A line of code that changes makes the steps that use it run again, and no others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deidflow.store.code import KEEP, ROOT, _used, code_digest

STEPS = ("anonymize", "convert", "inspect", "deface", "reconstruct", "verify")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package that a test may edit."""
    shutil.copytree(
        ROOT / "deidflow", tmp_path / "deidflow", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def digests(root: Path) -> dict[str, str]:
    code_digest.cache_clear()
    _used.cache_clear()
    return {step: code_digest(f"deidflow.steps.{step}", root) for step in STEPS}


@pytest.mark.parametrize(
    ("edited", "unchanged"),
    [
        ("header/actions.py", {"deface"}),
        ("face/gate.py", {"anonymize", "convert", "verify"}),
        ("face/run_pydeface.py", {"anonymize", "convert", "verify"}),
        ("nifti/sidecar.py", {"anonymize", "deface", "verify"}),
        ("checks/own.py", {"anonymize", "convert", "deface", "reconstruct"}),
        ("burned/wording.py", {"anonymize", "convert", "deface", "reconstruct", "verify"}),
        ("cli/run.py", set(STEPS)),
    ],
)
def test_a_line_is_edited(copy: Path, edited: str, unchanged: set[str]) -> None:
    before = digests(copy)
    with (copy / "deidflow" / edited).open("a") as stream:
        stream.write("# a line\n")
    after = digests(copy)
    assert {step for step in STEPS if before[step] == after[step]} >= unchanged
    assert before != after or edited == "cli/run.py"


def test_a_header_rule_changes_what_it_concerns(copy: Path) -> None:
    before = digests(copy)
    with (copy / "deidflow" / "header" / "actions.py").open("a") as stream:
        stream.write("# a line\n")
    after = digests(copy)
    assert {step for step in STEPS if before[step] != after[step]} >= {
        "anonymize",
        "convert",
        "reconstruct",
    }


def test_the_place_of_the_package_does_not_count(copy: Path) -> None:
    assert digests(copy) == digests(ROOT)


def test_developers_can_keep_results(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEEP, "1")
    assert set(digests(copy).values()) == {"kept"}
    monkeypatch.delenv(KEEP)
    code_digest.cache_clear()
