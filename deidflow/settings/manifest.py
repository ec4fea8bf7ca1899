"""Reads manifests: tables, lists and mappings of files and folders, with what they say of them."""

from __future__ import annotations

import csv
import json
import os
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deidflow.dicom.manifest import Category, ManifestEntry
from deidflow.documents import parse
from deidflow.errors import UsageError
from deidflow.spelling import did_you_mean

TABLES = (".csv", ".tsv")
_PATH, _SUBJECT, _SESSION, _CATEGORY = "path", "subject", "session", "category"
_COLUMNS = (_PATH, _SUBJECT, _SESSION, _CATEGORY)
_DELIMITERS = ",;\t"
_COMMENT = "#"
_LABEL = re.compile(r"[A-Za-z0-9]{1,16}")
"""Of a session: what BIDS takes too."""
_SESSION_PREFIX = "ses-"
_NO_LIST = "the manifest must contain a list of paths, or keys with paths"
_FIRST_ROW = 2
"""The line of the first row in a table, below its header."""
_LIKE = 0.75
"""How similar a column's name is that was meant to be another."""


def read_manifest(path: Path) -> tuple[ManifestEntry, ...]:
    """What a manifest names, paths below its folder.

    Raises UsageError and ConfigError for one that is not understood, with the row or entry.
    """
    folder = path.parent
    text = read_text(path)
    if path.suffix in TABLES:
        return tuple(_of_table(text, folder))
    manifest = _parsed(path, text)
    if isinstance(manifest, Mapping):
        if isinstance(manifest.get(_PATH), str):
            return tuple(_of_list([manifest], folder))
        return entries_of_mapping(manifest, folder)
    if isinstance(manifest, list) and manifest:
        return tuple(_of_list(manifest, folder))
    raise UsageError(_NO_LIST)


def entries_of_mapping(manifest: Mapping[str, Any], base: Path) -> tuple[ManifestEntry, ...]:
    """The paths under NiftyPET's keys, which are their category, or under all keys if there is
    none of these."""
    categories = {key: Category(key) for key in manifest if key in _DATAIN}
    keys = list(categories)
    if keys:
        _refuse_misspelt(manifest, _DATAIN, "the manifest has a key")
    else:
        keys = [key for key in manifest if not str(key).startswith(_COMMENT)]

    entries: list[ManifestEntry] = []
    for key in keys:
        category = categories.get(key)
        for path in _paths(manifest[key]):
            place = base / path
            entry = ManifestEntry(str(place), category=category)
            entries.append(entry)
    if not entries:
        raise UsageError("the manifest names no file and no folder")
    return tuple(entries)


_DATAIN = frozenset(category.value for category in Category) - {"MR", "CT", "PT"}
"""Keys of NiftyPET's description of a raw PET/MR study that name files and folders."""


def checked_entries(entries: Iterable[ManifestEntry]) -> tuple[ManifestEntry, ...]:
    """Entries with real paths; raises UsageError where two say different things of one path."""
    by_path: dict[str, ManifestEntry] = {}
    for entry in entries:
        path = Path(entry.path).expanduser()
        real = os.path.realpath(path)
        placed = replace(entry, path=real)
        earlier = by_path.setdefault(placed.path, placed)
        if earlier != placed:
            raise UsageError(
                "the manifest says two different things of one path; name each path once"
            )
    return tuple(by_path.values())


def entries_below(entries: Iterable[ManifestEntry], root: Path) -> tuple[ManifestEntry, ...]:
    """Entries that say something, with paths below a folder."""
    below = []
    for entry in entries:
        if entry.says_something:
            path = Path(entry.path).relative_to(root)
            placed = replace(entry, path=str(path))
            below.append(placed)
    return tuple(below)


def read_text(path: Path) -> str:
    """The text of a list or manifest; raises UsageError."""
    try:
        content = path.read_bytes()
        codec = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
        return content.decode(codec).replace("\r\n", "\n")
    except UnicodeError:
        raise UsageError(
            "the list of sources cannot be read: it is not UTF-8 text; save it as UTF-8"
        ) from None
    except OSError as error:
        raise UsageError(f"the list of sources cannot be read: {error.strerror}") from None


def _parsed(path: Path, text: str) -> Any:
    if path.suffix != ".json":
        return parse(text, f"manifest '{path.name}'").value
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"manifest '{path.name}' is not JSON") from None


def _of_table(text: str, folder: Path) -> Iterator[ManifestEntry]:
    """The rows of a table with a column `path`; rows without anything in them are left out."""
    header = text.partition("\n")[0]
    reader = csv.DictReader(
        text.splitlines(),
        delimiter=max(_DELIMITERS, key=header.count),
    )
    names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    _check_columns(names)
    reader.fieldnames = names
    is_empty = True
    for line, row in enumerate(reader, _FIRST_ROW):
        facts: dict[str, str] = {}
        for name in names:
            if name in _COLUMNS:
                cell = row[name] or ""
                facts[name] = cell.strip()
        if any(facts.values()):
            is_empty = False
            yield _entry(facts, folder, f"line {line}")
    if is_empty:
        raise UsageError("the manifest names no file and no folder: no row below its header")


def _check_columns(names: list[str]) -> None:
    if _PATH not in names:
        raise UsageError(f"the manifest has no column '{_PATH}'; its first row names the columns")
    for name in _COLUMNS:
        if names.count(name) > 1:
            raise UsageError(f"the manifest has two columns '{name}'; keep one of them")

    _refuse_misspelt(names, _COLUMNS, "the manifest has a column")


def _refuse_misspelt(names: Iterable[Any], known: Collection[str], what: str) -> None:
    """Raise UsageError for a name that was meant to be one of those that are known."""
    given = list(map(str, names))
    missing = [name for name in sorted(known) if name not in given]
    for name in given:
        hint = "" if name in known else did_you_mean(name, missing, cutoff=_LIKE)
        if hint:
            raise UsageError(f"{what} '{name}'{hint}")


def _of_list(rows: list[Any], folder: Path) -> Iterator[ManifestEntry]:
    for number, row in enumerate(rows, 1):
        facts = row if isinstance(row, Mapping) else {_PATH: row}
        _refuse_misspelt(facts, _COLUMNS, f"manifest, entry {number}: there is a key")
        if not isinstance(facts.get(_PATH), str):
            raise UsageError(_NO_LIST)
        texts: dict[str, str] = {}
        for name in _COLUMNS:
            value = facts.get(name)
            texts[name] = _text(value, name, number)
        yield _entry(texts, folder, f"entry {number}")


def _text(value: Any, name: str, number: int) -> str:
    """A value as text; numbers lose their zeros in YAML and JSON, so they are refused."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UsageError(f"manifest, entry {number}: '{name}' is not text; put it in quotes")
    return value.strip()


def _entry(facts: Mapping[str, str], folder: Path, where: str) -> ManifestEntry:
    if not facts.get(_PATH):
        raise UsageError(f"manifest, {where}: no path; name a file or folder in each")
    path = Path(facts[_PATH]).expanduser()
    session = facts.get(_SESSION, "")
    category = facts.get(_CATEGORY, "")
    return ManifestEntry(
        path=str(folder / path),
        subject=facts.get(_SUBJECT, ""),
        session=_session(session, where),
        category=_category(category, where),
    )


def _session(text: str, where: str) -> str:
    label = text.removeprefix(_SESSION_PREFIX)
    if label and not _LABEL.fullmatch(label):
        raise UsageError(
            f"manifest, {where}: a session is letters and digits, at most 16, such as M06 or base"
        )
    return label


def _category(text: str, where: str) -> Category | None:
    if not text:
        return None
    wanted = text.lower()
    if wanted == "pet":
        return Category.PT
    for category in Category:
        if category.lower() == wanted:
            return category
    names = ", ".join(Category)
    raise UsageError(f"manifest, {where}: this category is not known; give one of {names}")


def _paths(value: Any) -> Iterator[str]:
    """The paths in a value, which may be a list; anything else in it is ignored."""
    values = value if isinstance(value, (list, tuple)) else [value]
    for path in values:
        if isinstance(path, (str, Path)) and path:
            yield os.fspath(path)
