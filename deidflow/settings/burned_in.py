"""The section of a configuration that concerns text in pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from deidflow.settings.sections import Section


class BurnedInSettings(Section):
    """Whether text in pixels is read, and which rectangles of known devices are blanked."""

    read: Literal["auto", "always", "never"] = "auto"
    """`auto` reads where the extra `ocr` is installed; `always` refuses to run without it."""
    rules: tuple[Path, ...] = ()
    """Files with rules of the site for its devices, beside those that deidflow brings."""
