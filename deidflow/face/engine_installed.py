"""Whether the program of an engine is there. Loads none of the heavy libraries: every command asks before it works."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from deidflow.errors import EnvironmentFault
from deidflow.settings.face import DefaceSettings


def check_engine(settings: DefaceSettings) -> None:
    """Raise EnvironmentFault where the program of the engine cannot be found."""
    if settings.engine == "command" and shutil.which(settings.command[0]) is None:
        raise EnvironmentFault(
            "the program of deface.command is not on the PATH; install it or name it with its path"
        )
    if settings.engine == "pydeface" and find_flirt() is None:
        raise EnvironmentFault(
            "deface.engine pydeface needs flirt of FSL, which is not there; install FSL and set FSLDIR, "
            "or use deface.engine template, which needs nothing"
        )


def find_flirt() -> str | None:
    """FSL's flirt, on the PATH or below FSLDIR."""
    below = Path(os.environ["FSLDIR"], "bin") if os.environ.get("FSLDIR") else None
    return shutil.which("flirt") or (shutil.which("flirt", path=str(below)) if below else None)
