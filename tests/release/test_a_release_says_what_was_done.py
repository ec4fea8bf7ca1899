"""dataset.json claims nothing that the profile does not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.header.load_profile import load_profile
from deidflow.release.dataset import write_dataset
from deidflow.release.layout import Layout
from deidflow.store.files import read_json


@pytest.mark.parametrize(
    ("name", "complete"), [("high", True), ("basic", True), ("research", False)]
)
def test_codes_of_complete_profiles_only(tmp_path: Path, name: str, complete: bool) -> None:
    write_dataset(Layout(tmp_path, tmp_path, "default", "high"), load_profile(name), "x", {}, True)
    said = read_json(tmp_path / "dataset.json")
    assert bool(said["codes"]) is complete
    assert ("de-identified" in said) is not complete
