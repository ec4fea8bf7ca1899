"""The sources of a call as a user gives them: a file, a folder, a list, a manifest."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deidflow.dicom.manifest import ManifestEntry
from deidflow.settings.manifest import (
    TABLES,
    checked_entries,
    entries_of_mapping,
    read_manifest,
    read_text,
)

LIST_MARK = "@"
"""Before the path of a text file with one path a line."""
_COMMENT = "#"
_MANIFESTS = (".json", ".yaml", ".yml", *TABLES)
Given = str | Path | Sequence[str | Path] | Mapping[str, Any]


def given_paths(given: Given) -> tuple[Path, ...]:
    """The files and folders that are meant; raises UsageError for a manifest that names none."""
    entries = given_entries(given)
    return tuple(Path(entry.path) for entry in entries)


def given_entries(given: Given) -> tuple[ManifestEntry, ...]:
    """The files and folders that are meant, and what a manifest says of each.

    A text that starts with `@` names a list with one path per line; a `.json`, `.yaml`,
    `.csv` or `.tsv` file is a manifest. Raises UsageError for one that is not understood.
    """
    if isinstance(given, Mapping):
        return entries_of_mapping(given, Path())
    if isinstance(given, (str, Path)):
        return _entries_of_text(os.fspath(given))

    entries: list[ManifestEntry] = []
    for part in given:
        entries += given_entries(part)
    return tuple(entries)


def given_sources(given: Given) -> dict[str, Any]:
    """The settings `sources` and `entries` of `anonymize`; raises UsageError."""
    entries = given_entries(given)
    sources = tuple(Path(entry.path) for entry in entries)
    if not any(entry.says_something for entry in entries):
        return {"sources": sources}
    return {"sources": sources, "entries": checked_entries(entries)}


def _entries_of_text(text: str) -> tuple[ManifestEntry, ...]:
    if text.startswith(LIST_MARK):
        return _entries_of_list(Path(text[1:]))
    path = Path(text).expanduser()
    if path.suffix in _MANIFESTS and path.is_file():
        return read_manifest(path)
    entry = ManifestEntry(str(path))
    return (entry,)


def _entries_of_list(path: Path) -> tuple[ManifestEntry, ...]:
    entries: list[ManifestEntry] = []
    text = read_text(path)
    for line in text.splitlines():
        name = line.strip()
        if not name or name.startswith(_COMMENT):
            continue
        place = path.parent / name
        entry = ManifestEntry(str(place))
        entries.append(entry)
    return tuple(entries)
