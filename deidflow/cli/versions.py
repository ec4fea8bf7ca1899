"""`deidflow --version --verbose`: what a bug report needs; nothing of it identifies a person or a machine."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata

from deidflow.version import __version__

_TOOLS = (
    "prefect",
    "pydicom",
    "pylibjpeg",
    "pylibjpeg-openjpeg",
    "nibabel",
    "SimpleITK",
    "dcm2niix",
    "pydeface",
    "numpy",
    "scipy",
    "pydantic",
    "cryptography",
)


def is_verbose_version(arguments: list[str]) -> bool:
    """Whether the command line asks for the version with everything it rests on, and nothing else."""
    return sorted(arguments) == ["--verbose", "--version"]


def version_lines() -> Iterator[str]:
    """deidflow, Python, the platform, and each tool or library that a release depends on."""
    yield f"deidflow {__version__}"
    yield f"Python {platform.python_version()} ({platform.python_implementation()})"
    yield f"{platform.system()} {platform.release()} {platform.machine()}"

    for tool in _TOOLS:
        yield f"{tool} {_installed(tool)}"


def _installed(tool: str) -> str:
    try:
        return metadata.version(tool)
    except metadata.PackageNotFoundError:
        return "not installed"
