"""`deidflow --version --verbose`: what a bug report needs; nothing that identifies."""

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
    """Whether the command line asks for the versions of all tools, and for nothing else."""
    return sorted(arguments) == ["--verbose", "--version"]


def version_lines() -> Iterator[str]:
    """deidflow, Python, the platform, and each tool or library that a release depends on."""
    yield f"deidflow {__version__}"
    yield f"Python {platform.python_version()} ({platform.python_implementation()})"
    yield f"{platform.system()} {platform.release()} {platform.machine()}"

    for tool in _TOOLS:
        version = _installed_version(tool)
        yield f"{tool} {version}"


def _installed_version(tool: str) -> str:
    try:
        return metadata.version(tool)
    except metadata.PackageNotFoundError:
        return "not installed"
