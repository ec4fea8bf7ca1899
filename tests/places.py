"""Folders that tests prepare and compare: vaults, mounts, trees, the real series beside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REAL_DATA = Path(
    os.environ.get("DEIDFLOW_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")
)


def give_template(vault: Path, template: Path) -> None:
    """Lay the prepared template where a run looks for it, so that the run need not build it."""
    places = vault / "work" / "templates"
    places.mkdir(parents=True, mode=0o700)
    shutil.copy(template, places)


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """Something mounted on a folder as `mount` options say; the test is skipped where nobody may
    mount."""
    place.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(["mount", *options, place], capture_output=True, check=False)
    if result.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def tree_digest(root: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def write_secret(vault: Path) -> Path:
    """A vault with a fixed secret and nothing else."""
    vault.mkdir(mode=0o700, parents=True)
    (vault / "secret.key").write_text("0123456789abcdef0123456789abcdef\n")
    (vault / "secret.key").chmod(0o600)
    return vault
