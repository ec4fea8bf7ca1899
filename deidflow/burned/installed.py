"""Whether text in pixels can be read here, and by what.

Loads no model: every command asks before it works.
"""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec

from deidflow.errors import EnvironmentFault
from deidflow.settings.burned_in import BurnedInSettings

DISTRIBUTIONS = ("rapidocr-onnxruntime", "onnxruntime", "opencv-python")
"""The reader, whose wheel holds its models, and what it computes with."""
_MODULES = ("rapidocr_onnxruntime", "onnxruntime", "cv2")
_INSTALL = "install it with: pip install 'deidflow[ocr]'"
NO_OCR = (
    "no OCR: text in pixels is not read, so images that may carry some stay in quarantine; "
    "the extra 'ocr' reads it"
)


def is_installed() -> bool:
    """Whether the extra `ocr` is installed."""
    return all(find_spec(module) is not None for module in _MODULES)


def reads(settings: BurnedInSettings) -> bool:
    """Whether a run with these settings reads the text in pixels."""
    return settings.read != "never" and is_installed()


def check_reader(settings: BurnedInSettings) -> None:
    """Raise EnvironmentFault where reading is asked for and the extra is missing."""
    if settings.read == "always" and not is_installed():
        raise EnvironmentFault(f"burned_in.read always needs the extra 'ocr'; {_INSTALL}")


def reader_notes(settings: BurnedInSettings) -> tuple[str, ...]:
    """What a release says of text that nobody reads."""
    return () if reads(settings) else (NO_OCR,)


def reader_warnings(settings: BurnedInSettings) -> tuple[str, ...]:
    """The same for whoever runs or plans it; nothing where the settings say so themselves."""
    return () if settings.read == "never" else reader_notes(settings)


def reader_tools(settings: BurnedInSettings) -> dict[str, str]:
    """Name and version of the reader that a release was made with, if any."""
    name = DISTRIBUTIONS[0]
    return {name: _version(name)} if reads(settings) else {}


def reader_versions() -> tuple[str, ...]:
    """Name and version of what reads, for the key of a step."""
    return tuple(f"{name} {_version(name)}" for name in DISTRIBUTIONS)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "another distribution"
