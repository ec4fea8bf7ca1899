"""Releases that tests of this room share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deidflow.release.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The paths of a run that has not begun."""
    return Layout(
        release=tmp_path / "release",
        vault=tmp_path / "vault",
        project="trial",
        level="high",
    )


def publish_session(
    layout: Layout, pseudonym: str, label: str, states: dict[str, str] | None = None
) -> Path:
    """A published session: a slice per released series, and session.json."""
    folder = layout.published(pseudonym, label)
    folder.mkdir(parents=True)
    series: list[dict[str, Any]] = []
    for name, state in (states or {}).items():
        row: dict[str, Any] = {"name": name, "state": state}
        if state != "quarantined":
            (folder / name).mkdir()
            (folder / name / "slice_001.dcm").write_text(name)
            row["instances"] = 1
        series.append(row)
    (folder / "session.json").write_text(json.dumps({"series": series}))
    return folder
