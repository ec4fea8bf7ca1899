"""The dcm2niix of its wheel."""

from __future__ import annotations

import os
from pathlib import Path

from deidflow.errors import EnvironmentFault


def tool_path() -> Path:
    """The dcm2niix of its wheel; raises EnvironmentFault where it is missing."""
    try:
        import dcm2niix

        path = Path(dcm2niix.bin_path)
    except ImportError:
        raise EnvironmentFault("dcm2niix is not installed; run: pip install dcm2niix") from None

    if not os.access(path, os.X_OK):
        raise EnvironmentFault(
            "dcm2niix cannot be executed; "
            "install its wheel again: pip install --force-reinstall dcm2niix"
        )
    return path


def tool_version() -> str:
    """The version of the dcm2niix wheel, for the keys of steps and the data set's description."""
    from importlib.metadata import version

    return version("dcm2niix")
