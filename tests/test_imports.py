"""Who may import whom: deidflow.cli -> flows -> tasks -> deidflow, rooms of deidflow downwards
only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = [
    "store",
    "dicom",
    "inventory",
    "archives",
    "header",
    "settings",
    "burned",
    "checks",
    "identity",
    "audit",
    "nifti",
    "face",
    "release",
    "tables",
    "consent",
    "bids",
    "recognition",
    "verifier",
    "report",
    "review",
    "evidence",
    "bundles",
    "withdrawal",
    "pacs",
    "demo",
    "steps",
    "run",
    "bulk",
    "cli",
]
ALLOWED = {
    "store": set(),
    "dicom": {"store"},
    "inventory": {"store", "dicom"},
    "archives": {"store", "dicom"},
    "header": {"dicom"},
    "settings": {"dicom", "header"},
    "burned": {"store", "dicom", "header", "settings"},
    "checks": set(),
    "identity": {"store", "dicom", "header", "settings", "checks"},
    "audit": {"store", "dicom", "header", "identity"},
    "nifti": {"store", "dicom", "header"},
    "face": {"store", "dicom", "settings"},
    "release": {"store", "header", "settings", "identity", "audit"},
    "tables": {"store", "dicom", "header", "settings", "checks", "identity", "release"},
    "consent": {"dicom", "archives", "settings", "identity", "tables"},
    "bids": {"store", "settings", "nifti", "release"},
    "recognition": set(),
    "verifier": {"recognition", "store", "checks", "identity", "release"},
    "report": {"store", "header", "settings", "identity", "face", "release"},
    "review": {"store", "dicom", "settings", "identity", "face", "release", "report"},
    "evidence": {"store", "header", "identity", "release", "report", "review"},
    "bundles": {"store", "identity", "release"},
    "withdrawal": {
        "audit",
        "store",
        "dicom",
        "inventory",
        "archives",
        "identity",
        "release",
        "report",
    },
    "pacs": {"store", "dicom", "settings", "identity", "release", "tables"},
    "demo": {"face"},
    "steps": {
        "burned",
        "audit",
        "store",
        "dicom",
        "header",
        "settings",
        "identity",
        "nifti",
        "face",
        "checks",
        "release",
    },
    "run": {
        "burned",
        "audit",
        "report",
        "review",
        "store",
        "archives",
        "dicom",
        "inventory",
        "header",
        "settings",
        "identity",
        "nifti",
        "face",
        "checks",
        "release",
        "consent",
        "bids",
        "steps",
    },
    "bulk": {
        "archives",
        "audit",
        "consent",
        "store",
        "dicom",
        "header",
        "settings",
        "identity",
        "checks",
        "release",
    },
    "cli": set(ROOMS),
}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    for path in sources(f"deidflow/{room}"):
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "deidflow" and len(parts) > 1 and parts[1] in ROOMS and parts[1] != room:
                assert parts[1] in ALLOWED[room], f"{path.relative_to(ROOT)} imports {name}"


def test_the_library_never_imports_prefect() -> None:
    for path in sources("deidflow"):
        assert not any(name.split(".")[0] == "prefect" for name in imported(path)), path


def test_only_the_command_line_imports_flows() -> None:
    for path in sources("deidflow"):
        uses = any(name.split(".")[0] in ("flows", "tasks") for name in imported(path))
        assert not uses or path.parent.name == "cli", path


def test_tasks_import_no_flow_and_no_step_another() -> None:
    steps = {"anonymize", "convert", "inspect", "deface", "reconstruct", "verify", "publish"}
    for path in sources("tasks"):
        names = imported(path)
        assert not any(
            name.split(".")[0] == "flows" or name.startswith("deidflow.cli") for name in names
        ), path
        if path.stem in steps:
            assert not any(
                name.startswith("tasks.") and name.split(".")[1] in steps for name in names
            ), path


def test_a_run_itself_loads_no_library_of_images() -> None:
    loaded = """
import sys
import deidflow.cli.run, deidflow.cli.tables, deidflow.run.idle, deidflow.run.report
import deidflow.run.start, deidflow.run.template, deidflow.steps
print(*sys.modules)
"""
    answer = subprocess.run(
        [sys.executable, "-c", loaded],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert not {"scipy", "SimpleITK", "nibabel"} & set(answer.stdout.split())


def test_the_verifier_shares_no_code_with_what_wrote_the_release() -> None:
    for path in sources("deidflow/checks"):
        used = {
            name
            for name in imported(path)
            if name.startswith("deidflow.") and not name.startswith("deidflow.checks")
        }
        assert used <= {"deidflow.resources"}, f"{path} imports {used}"


def test_the_verifier_of_releases_reads_with_code_of_its_own() -> None:
    allowed = {
        "deidflow.identity.workorder",
        "deidflow.release.audit_events",
        "deidflow.release.decision_record",
        "deidflow.release.decisions",
        "deidflow.release.layout",
        "deidflow.release.withdrawal",
    }
    for path in sources("deidflow/verifier"):
        names = {name for name in imported(path) if name.startswith("deidflow.")}
        parts = ("deidflow.identity", "deidflow.release")
        assert {name for name in names if name.startswith(parts)} <= allowed, path


def test_one_wheel_holds_the_four_packages() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [
        "deidflow",
        "flows",
        "tasks",
        "configs",
    ]
