"""Whether the program of an engine is there.

Loads none of the heavy libraries: every command asks before it works.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from deidflow.errors import EnvironmentFault
from deidflow.settings.face import DefaceSettings


def check_engine(settings: DefaceSettings) -> None:
    """Raise EnvironmentFault if the program of the engine cannot be found."""
    if settings.engine == "command" and shutil.which(settings.command[0]) is None:
        raise EnvironmentFault(
            "the program of deface.command is not on the PATH; install it or name it with its path"
        )
    if settings.engine == "pydeface" and find_flirt() is None:
        raise EnvironmentFault(
            "deface.engine pydeface needs flirt of FSL, which was not found; "
            "install FSL and set FSLDIR, or use deface.engine template, which needs nothing"
        )


def find_flirt() -> str | None:
    """FSL's flirt, on the PATH or below FSLDIR."""
    flirt = shutil.which("flirt")
    folder = os.environ.get("FSLDIR")
    if flirt is not None or not folder:
        return flirt
    return shutil.which(
        "flirt",
        path=str(Path(folder, "bin")),
    )
