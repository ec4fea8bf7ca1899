"""The folder of a BIDS data set."""

from __future__ import annotations

from pathlib import Path

from deidflow.errors import UsageError


def check_root(root: Path, release: Path) -> None:
    """Raise UsageError where the folder of a data set holds anything but one of ours."""
    if not root.is_dir():
        return
    if any(root.iterdir()) and not (release / "dataset.json").exists():
        raise UsageError(
            "the release's folder holds files that are no BIDS data set of deidflow; "
            "choose an empty or new folder, or another 'output.layout'"
        )
