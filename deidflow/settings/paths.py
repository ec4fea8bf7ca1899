"""Paths of settings."""

from __future__ import annotations

import os
from pathlib import Path


def resolved(path: str | Path) -> Path:
    """The absolute path without links; `~` is the home folder."""
    expanded = Path(path).expanduser()
    return Path(os.path.realpath(expanded))
