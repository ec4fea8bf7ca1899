"""The sources of a call as a user gives them: a file, a folder, a list, a manifest."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deidflow.documents import parse
from deidflow.errors import UsageError

DATAIN = ("mumapDCM", "T1DCM", "T2DCM", "UTE1", "UTE2", "lm_dcm", "lm_ima", "nrm_dcm", "nrm_ima")
"""Keys of NiftyPET's description of a raw PET/MR study that name DICOM files and folders."""
_PATH = "path"
_TABLES = (".csv", ".tsv")
_DELIMITERS = ",;\t"
LIST_MARK = "@"
"""Before the path of a text file with one path a line."""
_COMMENT = "#"
Given = str | Path | Sequence[str | Path] | Mapping[str, Any]


def given_paths(given: Given) -> tuple[Path, ...]:
    """The files and folders that are meant; raises UsageError for a manifest that names none.

    A text that starts with `@` names a list with one path per line; a `.json`, `.yaml`,
    `.csv` or `.tsv` file is a manifest.
    """
    if isinstance(given, Mapping):
        return _paths_of_mapping(given, Path())
    if isinstance(given, (str, Path)):
        return _paths_of_text(os.fspath(given))

    paths: list[Path] = []
    for part in given:
        paths += given_paths(part)
    return tuple(paths)


def _paths_of_text(text: str) -> tuple[Path, ...]:
    if text.startswith(LIST_MARK):
        return _paths_of_list(Path(text[1:]))
    path = Path(text).expanduser()
    if path.suffix in (".json", ".yaml", ".yml", *_TABLES) and path.is_file():
        return _paths_of_manifest(path)
    return (path,)


def _paths_of_list(path: Path) -> tuple[Path, ...]:
    paths: list[Path] = []
    for line in _read_text(path).splitlines():
        entry = line.strip()
        if entry and not entry.startswith(_COMMENT):
            paths.append(path.parent / entry)
    return tuple(paths)


def _paths_of_manifest(path: Path) -> tuple[Path, ...]:
    """The paths in a manifest, relative to its folder."""
    folder = path.parent
    manifest = _manifest(path)
    if isinstance(manifest, Mapping):
        return _paths_of_mapping(manifest, folder)

    if isinstance(manifest, list):
        paths = [_path_of_entry(entry) for entry in manifest]
        if paths and all(paths):
            return tuple(folder / path for path in paths)
    raise UsageError("the manifest must contain a list of paths, or keys with paths")


def _path_of_entry(entry: Any) -> str:
    """The path in one entry of a list, which may have other facts beside it; empty for none."""
    path = entry.get(_PATH) if isinstance(entry, Mapping) else entry
    return path if isinstance(path, str) else ""


def _manifest(path: Path) -> Any:
    text = _read_text(path)
    if path.suffix in _TABLES:
        return _rows(text)
    if path.suffix != ".json":
        return parse(text, f"manifest '{path.name}'").value
    try:
        return json.loads(text)
    except ValueError:
        raise UsageError(f"manifest '{path.name}' is not JSON") from None


def _rows(text: str) -> list[dict[str, str]]:
    """The rows of a table with a column `path`; raises UsageError for one without it."""
    header = text.partition("\n")[0]
    reader = csv.DictReader(
        text.splitlines(),
        delimiter=max(_DELIMITERS, key=header.count),
    )
    names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    if _PATH not in names:
        raise UsageError(f"the manifest has no column '{_PATH}'; its first row names the columns")
    reader.fieldnames = names
    return [{_PATH: (row[_PATH] or "").strip()} for row in reader]


def _paths_of_mapping(manifest: Mapping[str, Any], base: Path) -> tuple[Path, ...]:
    """The paths under NiftyPET's keys, or under all keys if there is none of these."""
    keys = [key for key in DATAIN if key in manifest]
    if not keys:
        keys = [key for key in manifest if not _is_comment(key)]

    paths: list[Path] = []
    for key in keys:
        value = manifest[key]
        paths += [base / entry for entry in _entries(value)]
    if not paths:
        raise UsageError("the manifest names no file and no folder")
    return tuple(paths)


def _is_comment(key: object) -> bool:
    return str(key).startswith(_COMMENT)


def _entries(value: Any) -> Iterator[str]:
    """The paths in a value, which may be a list; anything else in it is ignored."""
    entries = value if isinstance(value, (list, tuple)) else [value]
    for entry in entries:
        if isinstance(entry, (str, Path)) and entry:
            yield os.fspath(entry)


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("the list of sources cannot be read: it is not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"the list of sources cannot be read: {error.strerror}") from None
