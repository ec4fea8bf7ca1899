"""The console that commands print their tables to."""

from __future__ import annotations

import sys

from rich.console import Console


def wide_console() -> Console:
    """A console that does not squeeze tables when its output goes to a file."""
    return Console(soft_wrap=True) if sys.stdout.isatty() else Console(soft_wrap=True, width=200)
