"""What was given as the source: a file, a folder, a list, or a manifest; made one root and paths below it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deidflow.dicom.inventory import files_below, is_working_folder
from deidflow.documents import parse
from deidflow.errors import EnvironmentFault, UsageError

DATAIN = ("mumapDCM", "T1DCM", "T2DCM", "UTE1", "UTE2", "lm_dcm", "lm_ima", "nrm_dcm", "nrm_ima")
"""Keys of NiftyPET's description of a raw PET/MR study that name DICOM files and folders."""
Given = str | Path | Sequence[str | Path] | Mapping[str, Any]


@dataclass(frozen=True)
class Located:
    """Files by their paths below one root, in a fixed order, and folders that cannot be opened."""

    root: Path
    paths: tuple[str, ...]
    unreadable: tuple[str, ...]
    working: tuple[str, ...] = ()
    """Folders in which deidflow stages outputs; they are not read."""

    @property
    def everything(self) -> tuple[str, ...]:
        """All that gets a verdict."""
        return (*self.paths, *self.unreadable, *self.working)


def given_paths(given: Given) -> tuple[Path, ...]:
    """The files and folders that are meant; raises UsageError where there is none.

    A text that starts with `@` names a list, one path a line; a `.json` or `.yaml` file is a manifest.
    """
    if isinstance(given, Mapping):
        return _of_mapping(given, Path())
    if not isinstance(given, (str, Path)):
        return tuple(path for one in given for path in given_paths(one))
    text = os.fspath(given)
    if text.startswith("@"):
        return _of_list(Path(text[1:]))
    path = Path(text).expanduser()
    if path.suffix in (".json", ".yaml", ".yml") and path.is_file():
        return _of_manifest(path)
    return (path,)


def _of_list(path: Path) -> tuple[Path, ...]:
    lines = [line.strip() for line in _text(path).splitlines()]
    return tuple(path.parent / line for line in lines if line and not line.startswith("#"))


def _of_manifest(path: Path) -> tuple[Path, ...]:
    text = _text(path)
    try:
        loaded = (
            json.loads(text)
            if path.suffix == ".json"
            else parse(text, f"manifest '{path.name}'").value
        )
    except ValueError:
        raise UsageError(f"manifest '{path.name}' is not JSON") from None
    if isinstance(loaded, Mapping):
        return _of_mapping(loaded, path.parent)
    if isinstance(loaded, list) and all(isinstance(one, str) for one in loaded):
        return tuple(path.parent / one for one in loaded)
    raise UsageError("the manifest must hold a list of paths, or keys with paths")


def _of_mapping(given: Mapping[str, Any], base: Path) -> tuple[Path, ...]:
    keys = [key for key in DATAIN if key in given] or [
        key for key in given if not key.startswith("#")
    ]
    values = [given[key] for key in keys]
    flat = [
        one for value in values for one in (value if isinstance(value, (list, tuple)) else [value])
    ]
    paths = tuple(base / os.fspath(one) for one in flat if isinstance(one, (str, Path)) and one)
    if not paths:
        raise UsageError("the manifest names no file and no folder")
    return paths


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"the list of sources cannot be read: {cause}") from None


def locate(sources: Sequence[Path]) -> Located:
    """Every regular file of the sources; raises UsageError for one that is missing or no file or folder."""
    places = [_checked(number, path, len(sources)) for number, path in enumerate(sources, 1)]
    folders = [place if place.is_dir() else place.parent for place in places]
    root = Path(os.path.commonpath(folders))
    unreadable: list[str] = []
    working: list[str] = []
    paths = dict.fromkeys(
        path for place in places for path in _below(place, root, unreadable, working)
    )
    if not paths and not unreadable:
        raise UsageError("the source holds no files; check the path")
    return Located(
        root, tuple(paths), tuple(dict.fromkeys(unreadable)), tuple(dict.fromkeys(working))
    )


def _below(place: Path, root: Path, unreadable: list[str], working: list[str]) -> Iterator[str]:
    if not place.is_dir():
        yield place.relative_to(root).as_posix()
        return
    prefix = "" if place == root else f"{place.relative_to(root).as_posix()}/"
    closed: list[str] = []
    staging: list[str] = []
    yield from (prefix + path for path, _ in files_below(place, closed, staging))
    unreadable.extend(prefix + path for path in closed)
    working.extend(prefix + path for path in staging)


def _checked(number: int, path: Path, count: int) -> Path:
    which = "the source" if count == 1 else f"source {number}"
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise UsageError(f"{which} does not exist; check the path") from None
    except OSError as error:
        raise EnvironmentFault(
            f"{which} cannot be read: {error.strerror}; check its permissions"
        ) from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UsageError(f"{which} is neither a file nor a folder")
    real = Path(os.path.realpath(path))
    folders = real.parts if stat.S_ISDIR(mode) else real.parts[:-1]
    if any(is_working_folder(name) for name in folders):
        raise UsageError(f"{which} lies in a working folder of deidflow; name the original files")
    return real
